package check

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	rollouts "github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Object is one document that a chart renders, as its API's type.
type Object struct {
	// Source is the template's name in the chart.
	Source string
	Value  meta.Object
}

// Kind is the type's name, such as StatefulSet.
func (o Object) Kind() string {
	name := fmt.Sprintf("%T", o.Value)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func (o Object) String() string { return o.Kind() + " " + o.Value.GetName() }

// kinds are what the chart may make: an object of another kind is an error, and gets its checks when it gets its line.
var kinds = map[string]func() meta.Object{
	"apps/v1 Deployment":                      func() meta.Object { return new(apps.Deployment) },
	"apps/v1 StatefulSet":                     func() meta.Object { return new(apps.StatefulSet) },
	"argoproj.io/v1alpha1 AnalysisTemplate":   func() meta.Object { return new(rollouts.AnalysisTemplate) },
	"argoproj.io/v1alpha1 Rollout":            func() meta.Object { return new(rollouts.Rollout) },
	"autoscaling/v2 HorizontalPodAutoscaler":  func() meta.Object { return new(autoscaling.HorizontalPodAutoscaler) },
	"monitoring.coreos.com/v1 PrometheusRule": func() meta.Object { return new(monitoring.PrometheusRule) },
	"monitoring.coreos.com/v1 ServiceMonitor": func() meta.Object { return new(monitoring.ServiceMonitor) },
	"networking.k8s.io/v1 Ingress":            func() meta.Object { return new(networking.Ingress) },
	"networking.k8s.io/v1 NetworkPolicy":      func() meta.Object { return new(networking.NetworkPolicy) },
	"policy/v1 PodDisruptionBudget":           func() meta.Object { return new(policy.PodDisruptionBudget) },
	"v1 ConfigMap":                            func() meta.Object { return new(core.ConfigMap) },
	"v1 Service":                              func() meta.Object { return new(core.Service) },
	"v1 ServiceAccount":                       func() meta.Object { return new(core.ServiceAccount) },
}

// Render renders the chart with values in YAML as `helm install freshet --namespace analytics` would, and gives back the
// documents by template, notes included. A value that the chart does not have is an error.
func Render(values string) (map[string]string, error) {
	c, err := loader.Load(filepath.Join(Root, "deploy/helm/freshet"))
	if err != nil {
		return nil, err
	}
	given := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(values), &given); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	release := chartutil.ReleaseOptions{Name: "freshet", Namespace: "analytics", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(c, all)
}

// Decode reads rendered documents as what they say they are. A field that the API does not have is an error.
func Decode(rendered map[string]string) ([]Object, error) {
	var out []Object
	var errs []error
	for source, text := range rendered {
		if !strings.HasSuffix(source, ".yaml") {
			continue
		}
		for doc := range strings.SplitSeq("\n"+text, "\n---") {
			if strings.TrimSpace(doc) == "" {
				continue
			}
			v, err := decode(doc)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", source, err))
				continue
			}
			out = append(out, Object{source, v})
		}
	}
	slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.String(), b.String()) })
	return out, errors.Join(errs...)
}

func decode(doc string) (meta.Object, error) {
	data, err := yaml.YAMLToJSONStrict([]byte(doc))
	if err != nil {
		return nil, err
	}
	var t meta.TypeMeta
	if err := json.UnmarshalCaseSensitivePreserveInts(data, &t); err != nil {
		return nil, err
	}
	empty, ok := kinds[t.APIVersion+" "+t.Kind]
	if !ok {
		return nil, fmt.Errorf("%q %q is no kind that is checked", t.APIVersion, t.Kind)
	}
	v := empty()
	strict, err := json.UnmarshalStrict(data, v)
	if err = errors.Join(append(strict, err)...); err != nil {
		return nil, fmt.Errorf("%s: %w", t.Kind, err)
	}
	return v, nil
}
