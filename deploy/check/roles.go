package check

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// member is a server of an installation in parts.
type member struct {
	name  string
	roles []string
	// has are the settings that it is given, by their name in the environment.
	has map[string]bool
	// copies tells whether there may be several of it; kept, whether its data folder stays when it is made anew.
	copies, kept bool
}

// everyRole is what the members of an installation do together.
var everyRole = []string{"ingest", "process", "query", "admin"}

// shared is what all members of a cluster are given.
var shared = []string{
	"FRESHET_LOG_ADDRESS", "FRESHET_STORE_ADDRESS", "FRESHET_PROJECT", "FRESHET_CACHE_ADDRESS", "FRESHET_ARCHIVE_BUCKET",
}

// members complains about parts that do not make a whole: a role that nobody has, one that stores events whose folder is
// lost with it, one that does not have what all share, and one alone that takes events or answers.
func members(all []member) error {
	var errs []error
	count := map[string]int{}
	for _, m := range all {
		for _, r := range m.roles {
			if !slices.Contains(everyRole, r) {
				errs = append(errs, fmt.Errorf("%s: %q is no role", m.name, r))
			}
			count[r]++
			if m.copies {
				count[r]++
			}
		}
		if len(m.roles) == 0 {
			errs = append(errs, fmt.Errorf("%s: has no roles, and does what others do", m.name))
		}
		if slices.Contains(m.roles, "process") && !m.kept {
			errs = append(errs, fmt.Errorf("%s: its index of event ids is lost with it", m.name))
		}
		for _, key := range shared {
			if !m.has[key] {
				errs = append(errs, fmt.Errorf("%s: is not given %s", m.name, key))
			}
		}
	}
	for _, r := range everyRole {
		switch n := count[r]; {
		case n == 0:
			errs = append(errs, fmt.Errorf("nobody does %s", r))
		case r != "process" && n == 1:
			errs = append(errs, fmt.Errorf("there is one alone that does %s", r))
		}
	}
	return errors.Join(errs...)
}

func rolesIn(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// Parts complains about a chart in parts that do not make a whole, and about what leads to a part that does not do what is asked.
func Parts(objects []Object, s Settings) error {
	r := relations{objects, workloads(objects)}
	var all []member
	split := false
	for _, w := range r.workloads {
		m, err := r.member(w, s)
		if err != nil {
			return w.wrap(err)
		}
		split = split || len(m.roles) > 0
		all = append(all, m)
	}
	if !split {
		if len(all) != 1 || all[0].copies {
			return errors.New("there are several servers that do everything")
		}
		return nil
	}
	return errors.Join(members(all), r.routed(all))
}

func (r relations) member(w workload, s Settings) (member, error) {
	c := w.pod.Spec.Containers[0]
	_, stateful := w.Value.(*apps.StatefulSet)
	m := member{name: w.String(), has: map[string]bool{}, copies: w.replicas == nil || *w.replicas != 1, kept: stateful && keeps(w)}
	maps := configs{}
	for _, o := range r.objects {
		if v, ok := o.Value.(*core.ConfigMap); ok {
			maps[v.Name] = v
		}
	}
	file, err := w.file(c, maps)
	if err != nil {
		return m, err
	}
	tree := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(file), &tree); err != nil {
		return m, err
	}
	for _, key := range shared {
		m.has[key] = s.given(tree, key)
	}
	for _, e := range c.Env {
		m.has[e.Name] = m.has[e.Name] || e.Value != "" || required(e.ValueFrom)
		if e.Name == "FRESHET_ROLES" {
			m.roles = rolesIn(e.Value)
		}
	}
	return m, nil
}

// required tells whether a pod without this is not started.
func required(v *core.EnvVarSource) bool {
	return v != nil && v.SecretKeyRef != nil && v.SecretKeyRef.Name != "" && (v.SecretKeyRef.Optional == nil || !*v.SecretKeyRef.Optional)
}

// keeps tells whether /data is on a claim.
func keeps(w workload) bool {
	for _, m := range w.pod.Spec.Containers[0].VolumeMounts {
		if m.MountPath != "/data" {
			continue
		}
		return slices.ContainsFunc(w.claims, func(c core.PersistentVolumeClaim) bool { return c.Name == m.Name }) ||
			slices.ContainsFunc(w.pod.Spec.Volumes, func(v core.Volume) bool { return v.Name == m.Name && v.PersistentVolumeClaim != nil })
	}
	return false
}

// toLog are the routes of the API that look into the store and write to the log, which is what the process that stores has.
var toLog = []string{"/v1/deadletters/replay", "/v1/persons/unlink"}

// routed: one host leads to those that take events, the other to those that answer but for toLog; and pods that are replaced one by one
// are left by requests first.
func (r relations) routed(all []member) error {
	var errs []error
	for i, w := range r.workloads {
		kind := w.pod.Labels["app.kubernetes.io/component"]
		if only := slices.Equal(all[i].roles, []string{"ingest"}); only != (kind == "ingest") {
			errs = append(errs, w.wrap(fmt.Errorf("is %q with the roles %v: alerts ask for the store where there is none, or not where there is", kind, all[i].roles)))
		}
		stores := slices.Equal(all[i].roles, []string{"process"})
		c := w.pod.Spec.Containers[0]
		if p := c.ReadinessProbe; p != nil && p.HTTPGet != nil && strings.HasSuffix(p.HTTPGet.Path, standingBy) != (stores && all[i].copies) {
			errs = append(errs, w.wrap(errors.New("an upgrade waits for ever for one that stands by, or requests go to one")))
		}
		if l := c.Lifecycle; all[i].copies && !stores && (l == nil || l.PreStop == nil || l.PreStop.Sleep == nil) {
			errs = append(errs, w.wrap(errors.New("ends while requests are still sent to it")))
		}
		if all[i].copies && len(w.pod.Spec.TopologySpreadConstraints) == 0 {
			errs = append(errs, w.wrap(errors.New("may have all its pods on one node")))
		}
	}
	for _, o := range r.objects {
		i, ok := o.Value.(*networking.Ingress)
		if !ok {
			continue
		}
		paths := map[string]map[string]string{}
		for _, rule := range i.Spec.Rules {
			paths[rule.Host] = map[string]string{}
			for _, p := range rule.HTTP.Paths {
				paths[rule.Host][p.Path] = r.leads(p.Backend.Service.Name, all)
			}
		}
		hosts := slices.Collect(maps.Values(paths))
		if !slices.ContainsFunc(hosts, func(p map[string]string) bool { return maps.Equal(p, map[string]string{"/": "ingest"}) }) {
			errs = append(errs, fmt.Errorf("%s: has no host for events alone", o))
		}
		questions := map[string]string{"/": "query,admin"}
		for _, p := range toLog {
			questions[p] = "process"
		}
		if !slices.ContainsFunc(hosts, func(p map[string]string) bool { return maps.Equal(p, questions) }) {
			errs = append(errs, fmt.Errorf("%s: has no host for questions from which %s lead to the log", o, strings.Join(toLog, " and ")))
		}
	}
	return errors.Join(errs...)
}

// leads are the roles of the pods of a Service.
func (r relations) leads(name string, all []member) string {
	s, ok := r.find("Service", name).(*core.Service)
	if !ok {
		return ""
	}
	for i, w := range r.workloads {
		if matches(&meta.LabelSelector{MatchLabels: s.Spec.Selector}, w.pod.Labels) {
			return strings.Join(all[i].roles, ",")
		}
	}
	return ""
}
