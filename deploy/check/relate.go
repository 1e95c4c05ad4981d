package check

import (
	"errors"
	"fmt"
	"slices"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Relations complains about names and labels that lead nowhere: an object that selects no pod, a port that there is not, a
// service account or a ConfigMap that nothing makes.
func Relations(objects []Object) error {
	r := relations{objects, workloads(objects)}
	var errs []error
	for _, w := range r.workloads {
		errs = append(errs, w.wrap(r.workload(w)))
	}
	for _, o := range objects {
		var err error
		switch v := o.Value.(type) {
		case *core.Service:
			err = r.service(v)
		case *networking.Ingress:
			err = r.ingress(v)
		case *networking.NetworkPolicy:
			err = r.selects(&v.Spec.PodSelector)
		case *monitoring.ServiceMonitor:
			err = r.monitor(v)
		case *apps.StatefulSet:
			if s := r.find("Service", v.Spec.ServiceName); s == nil || s.(*core.Service).Spec.ClusterIP != core.ClusterIPNone {
				err = fmt.Errorf("serviceName %s is no headless Service", v.Spec.ServiceName)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o, err))
		}
	}
	return errors.Join(errs...)
}

type relations struct {
	objects   []Object
	workloads []workload
}

func (r relations) find(kind, name string) meta.Object {
	for _, o := range r.objects {
		if o.Kind() == kind && o.Value.GetName() == name {
			return o.Value
		}
	}
	return nil
}

func (r relations) workload(w workload) error {
	var errs []error
	if !matches(w.selector, w.pod.Labels) {
		errs = append(errs, errors.New("does not select its own pods"))
	}
	for _, other := range r.workloads {
		if other.String() != w.String() && matches(w.selector, other.pod.Labels) {
			errs = append(errs, fmt.Errorf("selects the pods of %s too", other))
		}
	}
	if r.find("ServiceAccount", w.pod.Spec.ServiceAccountName) == nil {
		errs = append(errs, fmt.Errorf("there is no ServiceAccount %s", w.pod.Spec.ServiceAccountName))
	}
	for _, v := range w.pod.Spec.Volumes {
		if v.ConfigMap != nil && r.find("ConfigMap", v.ConfigMap.Name) == nil {
			errs = append(errs, fmt.Errorf("there is no ConfigMap %s", v.ConfigMap.Name))
		}
	}
	return errors.Join(errs...)
}

// matches is false for a selector that is empty, which would select everything.
func matches(s *meta.LabelSelector, l map[string]string) bool {
	sel, err := meta.LabelSelectorAsSelector(s)
	return err == nil && !sel.Empty() && sel.Matches(labels.Set(l))
}

func (r relations) selects(s *meta.LabelSelector) error {
	for _, w := range r.workloads {
		if matches(s, w.pod.Labels) {
			return nil
		}
	}
	return errors.New("selects no pod")
}

func (r relations) service(s *core.Service) error {
	found := false
	for _, w := range r.workloads {
		if !matches(&meta.LabelSelector{MatchLabels: s.Spec.Selector}, w.pod.Labels) {
			continue
		}
		found = true
		for _, p := range s.Spec.Ports {
			if port(w.pod.Spec.Containers[0], p.TargetPort.StrVal) == 0 {
				return fmt.Errorf("port %s leads to %q, which %s has not", p.Name, p.TargetPort.String(), w)
			}
		}
	}
	if !found {
		return errors.New("selects no pod")
	}
	return nil
}

func (r relations) ingress(i *networking.Ingress) error {
	for _, rule := range i.Spec.Rules {
		for _, p := range rule.HTTP.Paths {
			b := p.Backend.Service
			s, ok := r.find("Service", b.Name).(*core.Service)
			if !ok || !offers(s, b.Port.Name) {
				return fmt.Errorf("%s leads to port %s of Service %s, which there is not", p.Path, b.Port.Name, b.Name)
			}
		}
	}
	return nil
}

func offers(s *core.Service, name string) bool {
	for _, p := range s.Spec.Ports {
		if p.Name == name {
			return true
		}
	}
	return false
}

// tellsRole tells whether a metric gets the kind of its pod as the label role, of which alerts know "ingest".
func tellsRole(c monitoring.RelabelConfig) bool {
	return c.TargetLabel == "role" && len(c.SourceLabels) == 1 && c.SourceLabels[0] == "__meta_kubernetes_pod_label_app_kubernetes_io_component"
}

// monitor: each pod must be scraped once, or what is summed counts it twice.
func (r relations) monitor(m *monitoring.ServiceMonitor) error {
	scrapes := map[string]int{}
	for _, o := range r.objects {
		s, ok := o.Value.(*core.Service)
		if !ok || !matches(&m.Spec.Selector, s.Labels) {
			continue
		}
		if s.Labels[m.Spec.JobLabel] != "freshet" {
			return fmt.Errorf("the job of Service %s is %q, and the rules ask for freshet", s.Name, s.Labels[m.Spec.JobLabel])
		}
		for _, e := range m.Spec.Endpoints {
			if !offers(s, e.Port) {
				return fmt.Errorf("leads to Service %s, which has no port %s", s.Name, e.Port)
			}
			if !slices.ContainsFunc(e.RelabelConfigs, tellsRole) {
				return errors.New("gives no label role, by which alerts leave out those that only take events")
			}
		}
		for _, w := range r.workloads {
			if matches(&meta.LabelSelector{MatchLabels: s.Spec.Selector}, w.pod.Labels) {
				scrapes[w.String()]++
			}
		}
	}
	for _, w := range r.workloads {
		if scrapes[w.String()] != 1 {
			return fmt.Errorf("the pods of %s are scraped %d times", w, scrapes[w.String()])
		}
	}
	return nil
}
