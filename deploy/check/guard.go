package check

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	rollouts "github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	autoscaling "k8s.io/api/autoscaling/v2"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Guards complains about what is to keep pods there, add pods and take back bad ones, where it would do nothing, or too much.
func Guards(objects []Object, m Metrics) error {
	r := relations{objects, workloads(objects)}
	var errs []error
	for _, o := range objects {
		var err error
		switch v := o.Value.(type) {
		case *policy.PodDisruptionBudget:
			err = r.budget(v)
		case *autoscaling.HorizontalPodAutoscaler:
			err = r.scaler(v)
		case *rollouts.Rollout:
			err = r.rollout(v)
		case *rollouts.AnalysisTemplate:
			err = analysis(v, m)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o, err))
		}
	}
	return errors.Join(errs...)
}

func (r relations) budget(b *policy.PodDisruptionBudget) error {
	var of []workload
	for _, w := range r.workloads {
		if matches(b.Spec.Selector, w.pod.Labels) {
			of = append(of, w)
		}
	}
	switch {
	case len(of) != 1:
		return fmt.Errorf("is of %d workloads", len(of))
	case b.Spec.MinAvailable != nil:
		return errors.New("has minAvailable, which blocks a node for good when there are no more pods than that")
	case b.Spec.MaxUnavailable == nil || *b.Spec.MaxUnavailable != intstr.FromInt32(1):
		return errors.New("lets more than one pod go at a time, or none")
	}
	return nil
}

func (r relations) scaler(h *autoscaling.HorizontalPodAutoscaler) error {
	ref := h.Spec.ScaleTargetRef
	i := slices.IndexFunc(r.workloads, func(w workload) bool { return w.Kind() == ref.Kind && w.Value.GetName() == ref.Name })
	if i < 0 || kinds[ref.APIVersion+" "+ref.Kind] == nil {
		return fmt.Errorf("there is no %s %s %s", ref.APIVersion, ref.Kind, ref.Name)
	}
	if r.workloads[i].replicas != nil {
		return fmt.Errorf("%s sets its own number of pods at each upgrade", r.workloads[i])
	}
	if h.Spec.MinReplicas == nil || *h.Spec.MinReplicas < 2 || *h.Spec.MinReplicas > h.Spec.MaxReplicas || len(h.Spec.Metrics) == 0 {
		return errors.New("has fewer than two pods at least, fewer at most than at least, or no metric")
	}
	return nil
}

func (r relations) rollout(o *rollouts.Rollout) error {
	c := o.Spec.Strategy.Canary
	if c == nil || c.Analysis == nil || len(c.Analysis.Templates) == 0 {
		return errors.New("nothing measures the canary")
	}
	var errs []error
	if !o.Spec.ProgressDeadlineAbort {
		errs = append(errs, errors.New("a canary that never becomes ready stays"))
	}
	if c.MaxUnavailable == nil || c.MaxUnavailable.IntValue() != 0 {
		errs = append(errs, errors.New("takes pods away before there are new ones"))
	}
	last := int32(0)
	for i, s := range c.Steps {
		if s.SetWeight != nil {
			if *s.SetWeight <= last || i+1 == len(c.Steps) || c.Steps[i+1].Pause == nil || c.Steps[i+1].Pause.Duration == nil {
				errs = append(errs, fmt.Errorf("step to %d %% is no step up, or is followed by no pause that ends", *s.SetWeight))
			}
			last = *s.SetWeight
		}
	}
	given := map[string]bool{}
	for _, a := range c.Analysis.Args {
		given[a.Name] = true
	}
	for _, t := range c.Analysis.Templates {
		template, ok := r.find("AnalysisTemplate", t.TemplateName).(*rollouts.AnalysisTemplate)
		if !ok {
			errs = append(errs, fmt.Errorf("there is no AnalysisTemplate %s", t.TemplateName))
			continue
		}
		for _, a := range template.Spec.Args {
			if a.Value == nil && !given[a.Name] {
				errs = append(errs, fmt.Errorf("does not give %s to %s", a.Name, t.TemplateName))
			}
		}
	}
	return errors.Join(errs...)
}

func analysis(t *rollouts.AnalysisTemplate, m Metrics) error {
	args := map[string]string{}
	for _, a := range t.Spec.Args {
		args["{{args."+a.Name+"}}"] = "x"
	}
	var errs []error
	for _, metric := range t.Spec.Metrics {
		if err := measured(metric, args, m); err != nil {
			errs = append(errs, fmt.Errorf("metric %s: %w", metric.Name, err))
		}
	}
	if len(t.Spec.Metrics) == 0 {
		errs = append(errs, errors.New("measures nothing"))
	}
	return errors.Join(errs...)
}

// ofProcess begins the metrics of the one pod that stores events, which no canary has of its own.
const ofProcess = "freshet_process_"

func measured(metric rollouts.Metric, args map[string]string, m Metrics) error {
	if metric.Provider.Prometheus == nil || metric.Provider.Prometheus.Address == "" {
		return errors.New("does not ask Prometheus")
	}
	query := metric.Provider.Prometheus.Query
	if !strings.Contains(query, "{{args.hash}}") && !strings.Contains(query, ofProcess) {
		return errors.New("does not tell the canary from the others")
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		query = strings.ReplaceAll(query, name, args[name])
	}
	var errs []error
	if strings.Contains(query, "{{") {
		errs = append(errs, errors.New("names an argument that there is not"))
	}
	if metric.SuccessCondition == "" && metric.FailureCondition == "" {
		errs = append(errs, errors.New("is never bad"))
	}
	if !strings.Contains(metric.SuccessCondition, "len(result) == 0") {
		errs = append(errs, errors.New("is bad when nothing was asked of the canary"))
	}
	if metric.FailureLimit == nil || metric.Interval == "" {
		errs = append(errs, errors.New("has no limit of failures or no interval"))
	}
	return errors.Join(append(errs, m.Query(query))...)
}
