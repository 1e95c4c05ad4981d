package check

import (
	"slices"
	"strings"
	"testing"

	rollouts "github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
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
		change          breaking
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
			m.Spec.Selector.MatchExpressions = nil
		})},
		{"a job of another name", "the rules ask for freshet", find(func(m *monitoring.ServiceMonitor) { m.Spec.JobLabel = "app.kubernetes.io/instance2" })},
		{"a metric that there is not", "freshet_log_failures is no metric", query("freshet_log_failures == 1")},
		{"a label that there is not", "has no label reason", query(`freshet_ingest_refused_requests_total{reason="disk_full"} > 0`)},
		{"a query that is none", "parse error", query("freshet_log_failed ==")},
		{"a runbook that there is not", "no heading", rule(func(r *monitoring.Rule) { r.Annotations["runbook_url"] = runbook + "nowhere" })},
		{"a severity that the page has otherwise", "says severity", rule(func(r *monitoring.Rule) { r.Labels["severity"] = "ticket" })},
		{"an alert that is gone", "has the alert FreshetDown", find(func(p *monitoring.PrometheusRule) {
			p.Spec.Groups[0].Rules = p.Spec.Groups[0].Rules[1:]
		})},
		{"two workloads of the same pods", "selects the pods of", find(func(r *rollouts.Rollout) {
			r.Spec.Template.Labels["app.kubernetes.io/component"] = "server"
		})},
		{"a budget of nobody", "is of 0 workloads", find(func(b *policy.PodDisruptionBudget) { b.Spec.Selector.MatchLabels["x"] = "y" })},
		{"a budget that blocks nodes", "blocks a node", find(func(b *policy.PodDisruptionBudget) { b.Spec.MinAvailable = b.Spec.MaxUnavailable })},
		{"an autoscaler of nothing", "there is no", find(func(h *autoscaling.HorizontalPodAutoscaler) { h.Spec.ScaleTargetRef.Kind = "Deployment" })},
		{"two that set a number", "sets its own number", find(func(r *rollouts.Rollout) { r.Spec.Replicas = new(int32) })},
		{"a canary that nothing measures", "nothing measures", find(func(r *rollouts.Rollout) { r.Spec.Strategy.Canary.Analysis = nil })},
		{"a canary whose measure is elsewhere", "there is no AnalysisTemplate", find(func(r *rollouts.Rollout) {
			r.Spec.Strategy.Canary.Analysis.Templates[0].TemplateName = "other"
		})},
		{"a canary that is not told", "does not give hash", find(func(r *rollouts.Rollout) { r.Spec.Strategy.Canary.Analysis.Args = nil })},
		{"a canary that stays", "never becomes ready", find(func(r *rollouts.Rollout) { r.Spec.ProgressDeadlineAbort = false })},
		{"a step that nobody ends", "no pause that ends", find(func(r *rollouts.Rollout) { r.Spec.Strategy.Canary.Steps[1].Pause.Duration = nil })},
		{"a measure of everybody", "does not tell the canary", measure(func(m *rollouts.Metric) { m.Provider.Prometheus.Query = "sum(freshet_log_end)" })},
		{"a measure of a metric that there is not", "freshet_answers is no metric", measure(func(m *rollouts.Metric) {
			m.Provider.Prometheus.Query = `freshet_answers{rollouts_pod_template_hash="{{args.hash}}"}`
		})},
		{"a role that nobody has", "nobody does ingest", doors(func(_ *rollouts.Rollout, c *core.Container) { c.Env[role(c)].Value = "query" })},
		{"a role that there is not", "\"cook\" is no role", doors(func(_ *rollouts.Rollout, c *core.Container) { c.Env[role(c)].Value = "ingest,cook" })},
		{"no roles among those that have some", "does what others do", doors(func(_ *rollouts.Rollout, c *core.Container) { c.Env[role(c)].Value = "" })},
		{"one that stands by and is never ready", "waits for ever", func(objects []Object) bool {
			changed := false
			find(func(s *apps.StatefulSet) {
				probe := s.Spec.Template.Spec.Containers[0].ReadinessProbe.HTTPGet
				changed = probe.Path != "/readyz"
				probe.Path = "/readyz"
			})(objects)
			return changed
		}},
		{"an index that is lost", "ids is lost with it", doors(func(_ *rollouts.Rollout, c *core.Container) { c.Env[role(c)].Value = "ingest,process" })},
		{"a log that is not shared", "is not given FRESHET_LOG_ADDRESS", doors(func(_ *rollouts.Rollout, c *core.Container) {
			c.Env = slices.DeleteFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "FRESHET_LOG_ADDRESS" })
		})},
		{"an address that may be missing", "is not given FRESHET_PROJECT", doors(func(_ *rollouts.Rollout, c *core.Container) {
			i := slices.IndexFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "FRESHET_PROJECT" })
			c.Env[i].ValueFrom.SecretKeyRef.Optional = new(bool)
			*c.Env[i].ValueFrom.SecretKeyRef.Optional = true
		})},
		{"one that takes events alone", "one alone that does ingest", doors(func(r *rollouts.Rollout, _ *core.Container) {
			r.Spec.Replicas = new(int32)
			*r.Spec.Replicas = 1
		})},
		{"two servers on one folder", "several servers that do everything", find(func(s *apps.StatefulSet) { *s.Spec.Replicas = 2 })},
		{"an alert for those that have no store", "gives no label role", find(func(m *monitoring.ServiceMonitor) {
			m.Spec.Endpoints[0].RelabelConfigs[0].TargetLabel = "component"
		})},
		{"a role that alerts do not know", "alerts ask for the store", doors(func(_ *rollouts.Rollout, c *core.Container) { c.Env[role(c)].Value = "ingest,admin" })},
		{"an end that nobody hears of", "requests are still sent", doors(func(_ *rollouts.Rollout, c *core.Container) { c.Lifecycle = nil })},
		{"all on one node", "pods on one node", doors(func(r *rollouts.Rollout, _ *core.Container) {
			r.Spec.Template.Spec.TopologySpreadConstraints = nil
		})},
		{"events that go to those that answer", "no host for events", hosts(func(i *networking.Ingress) {
			i.Spec.Rules[1].HTTP.Paths[0].Backend.Service.Name = "freshet-query"
		})},
		{"a route that goes to those that only read", "no host for questions", hosts(func(i *networking.Ingress) {
			i.Spec.Rules[0].HTTP.Paths = i.Spec.Rules[0].HTTP.Paths[1:]
		})},
		{"a measure that is never bad", "is never bad", measure(func(m *rollouts.Metric) { m.SuccessCondition = "" })},
	} {
		t.Run(b.name, func(t *testing.T) {
			var objects []Object
			changed := false
			for _, name := range []string{"everything else", "cluster with a canary and an autoscaler"} {
				rendered, err := Render(installations[name])
				if err != nil {
					t.Fatal(err)
				}
				if objects, err = Decode(rendered); err != nil {
					t.Fatal(err)
				}
				if changed = b.change(objects); changed {
					break
				}
			}
			if !changed {
				t.Fatal("there is nothing to break")
			}
			if err := all(objects, known, metrics); err == nil || !strings.Contains(err.Error(), b.complaint) {
				t.Errorf("complaint is %v, want %q in it", err, b.complaint)
			}
		})
	}
}

// breaking changes objects, and tells whether there was something to change.
type breaking func([]Object) bool

// find changes the first object of a type.
func find[T any](change func(T)) breaking {
	return func(objects []Object) bool {
		for _, o := range objects {
			if v, ok := o.Value.(T); ok {
				change(v)
				return true
			}
		}
		return false
	}
}

// doors changes what makes the pods that take events, of a chart in parts.
func doors(change func(*rollouts.Rollout, *core.Container)) breaking {
	return find(func(r *rollouts.Rollout) { change(r, &r.Spec.Template.Spec.Containers[0]) })
}

// role is where a container's environment has its roles.
func role(c *core.Container) int {
	return slices.IndexFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "FRESHET_ROLES" })
}

// hosts changes an ingress that has two.
func hosts(change func(*networking.Ingress)) breaking {
	return func(objects []Object) bool {
		for _, o := range objects {
			if i, ok := o.Value.(*networking.Ingress); ok && len(i.Spec.Rules) == 2 {
				change(i)
				return true
			}
		}
		return false
	}
}

func measure(change func(*rollouts.Metric)) breaking {
	return find(func(t *rollouts.AnalysisTemplate) { change(&t.Spec.Metrics[0]) })
}

func pod(change func(*core.PodSpec)) breaking {
	return find(func(s *apps.StatefulSet) { change(&s.Spec.Template.Spec) })
}

func container(change func(*core.Container)) breaking {
	return pod(func(p *core.PodSpec) { change(&p.Containers[0]) })
}

func rule(change func(*monitoring.Rule)) breaking {
	return find(func(p *monitoring.PrometheusRule) { change(&p.Spec.Groups[0].Rules[0]) })
}

func query(expr string) breaking {
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
