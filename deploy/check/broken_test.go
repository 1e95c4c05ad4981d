package check

import (
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TestBrokenDocuments breaks what the chart renders, and the decoder has to say so.
func TestBrokenDocuments(t *testing.T) {
	for name, change := range map[string][2]string{
		"a field that is misspelt":      {"readinessProbe:", "readynessProbe:"},
		"a field in another case":       {"livenessProbe:", "livenessprobe:"},
		"a field in the wrong place":    {"      terminationGracePeriodSeconds:", "  terminationGracePeriodSeconds:"},
		"a text where a number belongs": {"replicas: 1", "replicas: one"},
		"an API that is gone":           {"apiVersion: apps/v1", "apiVersion: apps/v1beta1"},
		"a key twice":                   {"    spec:\n", "    spec:\n      enableServiceLinks: true\n"},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := Render(installations["everything else"])
			if err != nil {
				t.Fatal(err)
			}
			const source = "freshet/templates/statefulset.yaml"
			broken := strings.Replace(rendered[source], change[0], change[1], 1)
			if broken == rendered[source] {
				t.Fatalf("has no %q to break", change[0])
			}
			if _, err := Decode(map[string]string{source: broken}); err == nil {
				t.Error("was decoded")
			}
		})
	}
}

// TestBrokenObjects breaks what was decoded, and a check has to name the fault.
func TestBrokenObjects(t *testing.T) {
	known, metrics := names(t)
	for _, b := range []struct {
		name, complaint string
		change          func(objects []Object)
	}{
		{"a probe is gone", "has no liveness probe", container(func(c *core.Container) { c.LivenessProbe = nil })},
		{"a probe asks the wrong route", "asks /healthz instead of /readyz", container(func(c *core.Container) { c.ReadinessProbe.HTTPGet.Path = "/healthz" })},
		{"a probe asks the wrong port", "asks a port", container(func(c *core.Container) { c.StartupProbe.HTTPGet.Port = intstr.FromString("web") })},
		{"a slow start is killed", "gives up after 4 s", container(func(c *core.Container) { c.StartupProbe.FailureThreshold = 2 })},
		{"root", "may run as root", pod(func(p *core.PodSpec) { p.SecurityContext.RunAsNonRoot = nil })},
		{"root by its number", "may run as root", container(func(c *core.Container) { c.SecurityContext.RunAsUser = new(int64) })},
		{"no seccomp", "no seccomp profile", pod(func(p *core.PodSpec) { p.SecurityContext.SeccompProfile = nil })},
		{"a token", "token of the API server", pod(func(p *core.PodSpec) { p.AutomountServiceAccountToken = nil })},
		{"capabilities", "has capabilities", container(func(c *core.Container) { c.SecurityContext.Capabilities.Add = []core.Capability{"NET_ADMIN"} })},
		{"a root to write to", "may write to its image", container(func(c *core.Container) { c.SecurityContext.ReadOnlyRootFilesystem = nil })},
		{"no limit", "no limit of memory", container(func(c *core.Container) { c.Resources.Limits = nil })},
		{"an image that moves", "is not pinned", container(func(c *core.Container) { c.Image = "registry.example.com:5000/freshet" })},
		{"a setting that there is not", "FRESHET_LOG_KEPT is no setting", container(func(c *core.Container) { c.Env = append(c.Env, core.EnvVar{Name: "FRESHET_LOG_KEPT"}) })},
		{"an option that there is not", "--role-of is no option", container(func(c *core.Container) { c.Args = append(c.Args, "--role-of=x") })},
		{"a key that there is not", "store.kept is no key", find(func(m *core.ConfigMap) { m.Data["freshet.yaml"] += "\nstore: {kept: 1h}\n" })},
		{"a file that is elsewhere", "which no ConfigMap has", find(func(m *core.ConfigMap) { m.Data = map[string]string{"other.yaml": ""} })},
		{"too short a stop", "is killed before the 1m30s", pod(func(p *core.PodSpec) { *p.TerminationGracePeriodSeconds = 80 })},
		{"a sleep that is not counted in", "is killed before the 2m0s", container(func(c *core.Container) {
			c.Lifecycle = &core.Lifecycle{PreStop: &core.LifecycleHandler{Sleep: &core.SleepAction{Seconds: 30}}}
		})},
		{"a volume that there is not", "mounts data, which is no volume", find(func(s *apps.StatefulSet) {
			s.Spec.Template.Spec.Volumes = s.Spec.Template.Spec.Volumes[:2]
		})},
		{"a selector of nobody", "selects no pod", find(func(s *core.Service) { s.Spec.Selector["app.kubernetes.io/name"] = "other" })},
		{"a port of nobody", "leads to \"web\"", find(func(s *core.Service) { s.Spec.Ports[0].TargetPort = intstr.FromString("web") })},
		{"a policy of nobody", "selects no pod", find(func(p *networking.NetworkPolicy) { p.Spec.PodSelector.MatchLabels["x"] = "y" })},
		{"an ingress to nowhere", "which there is not", find(func(i *networking.Ingress) { i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = "other" })},
		{"pods that are scraped twice", "are scraped 2 times", find(func(m *monitoring.ServiceMonitor) {
			delete(m.Spec.Selector.MatchLabels, "app.kubernetes.io/component")
		})},
		{"a job of another name", "the rules ask for freshet", find(func(m *monitoring.ServiceMonitor) { m.Spec.JobLabel = "app.kubernetes.io/component" })},
		{"a metric that there is not", "freshet_log_failures is no metric", query("freshet_log_failures == 1")},
		{"a label that there is not", "has no label reason", query(`freshet_ingest_refused_requests_total{reason="disk_full"} > 0`)},
		{"a query that is none", "parse error", query("freshet_log_failed ==")},
		{"a runbook that there is not", "no heading", rule(func(r *monitoring.Rule) { r.Annotations["runbook_url"] = runbook + "nowhere" })},
		{"a severity that the page has otherwise", "says severity", rule(func(r *monitoring.Rule) { r.Labels["severity"] = "ticket" })},
		{"an alert that is gone", "has the alert FreshetDown", find(func(p *monitoring.PrometheusRule) {
			p.Spec.Groups[0].Rules = p.Spec.Groups[0].Rules[1:]
		})},
	} {
		t.Run(b.name, func(t *testing.T) {
			rendered, err := Render(installations["everything else"])
			if err != nil {
				t.Fatal(err)
			}
			objects, err := Decode(rendered)
			if err != nil {
				t.Fatal(err)
			}
			b.change(objects)
			if err := all(objects, known, metrics); err == nil || !strings.Contains(err.Error(), b.complaint) {
				t.Errorf("complaint is %v, want %q in it", err, b.complaint)
			}
		})
	}
}

// find changes the first object of a type.
func find[T any](change func(T)) func([]Object) {
	return func(objects []Object) {
		for _, o := range objects {
			if v, ok := o.Value.(T); ok {
				change(v)
				return
			}
		}
		panic("there is none to break")
	}
}

func pod(change func(*core.PodSpec)) func([]Object) {
	return find(func(s *apps.StatefulSet) { change(&s.Spec.Template.Spec) })
}

func container(change func(*core.Container)) func([]Object) {
	return pod(func(p *core.PodSpec) { change(&p.Containers[0]) })
}

func rule(change func(*monitoring.Rule)) func([]Object) {
	return find(func(p *monitoring.PrometheusRule) { change(&p.Spec.Groups[0].Rules[0]) })
}

func query(expr string) func([]Object) {
	return rule(func(r *monitoring.Rule) { r.Expr = intstr.FromString(expr) })
}

// TestMetricsOfCode shows that a name has to be in the code, as a whole or put together there.
func TestMetricsOfCode(t *testing.T) {
	c := code{
		words: map[string]map[string]bool{"log": {"freshet_log_end": true, "records": true}, "remote": {"calls": true}, "other": {"bucket": true, "lines": true}},
		parts: map[string][][]string{"log": {{"freshet_log_", "", "_total"}}, "remote": {{"freshet_", "", "_", ""}}},
	}
	for name, want := range map[string]bool{
		"freshet_log_end": true, "freshet_log_records_total": true, "freshet_bucket_calls": true,
		"freshet_log_records": false, "freshet_log_lines_total": false, "freshet_bucket_lines": false, "freshet_calls": false,
	} {
		if got := c.has(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
