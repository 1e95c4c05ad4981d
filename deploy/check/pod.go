package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	rollouts "github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// workload is what makes pods.
type workload struct {
	Object
	selector *meta.LabelSelector
	pod      core.PodTemplateSpec
	// replicas is nil where an autoscaler sets it.
	replicas *int32
	claims   []core.PersistentVolumeClaim
}

func workloads(objects []Object) []workload {
	var out []workload
	for _, o := range objects {
		switch v := o.Value.(type) {
		case *apps.StatefulSet:
			out = append(out, workload{o, v.Spec.Selector, v.Spec.Template, v.Spec.Replicas, v.Spec.VolumeClaimTemplates})
		case *apps.Deployment:
			out = append(out, workload{o, v.Spec.Selector, v.Spec.Template, v.Spec.Replicas, nil})
		case *rollouts.Rollout:
			out = append(out, workload{o, v.Spec.Selector, v.Spec.Template, v.Spec.Replicas, nil})
		}
	}
	return out
}

// configs are the ConfigMaps by name: a server reads the file of the one that it mounts.
type configs map[string]*core.ConfigMap

// Pods complains about pods that could be more dangerous than they need to be, that nobody watches, that are killed before they
// have written what is in memory, and that have settings that the server does not.
func Pods(objects []Object, s Settings) error {
	maps := configs{}
	for _, o := range objects {
		if v, ok := o.Value.(*core.ConfigMap); ok {
			maps[v.Name] = v
		}
	}
	var errs []error
	for _, w := range workloads(objects) {
		spec := w.pod.Spec
		if len(spec.Containers) == 0 {
			errs = append(errs, fmt.Errorf("%s: has no container", w))
		}
		errs = append(errs, w.wrap(safePod(spec)))
		for _, c := range append(slices.Clone(spec.InitContainers), spec.Containers...) {
			errs = append(errs, w.wrap(safeContainer(c)), w.wrap(w.mounted(c)), w.wrap(configured(c, s)))
		}
		for _, c := range spec.Containers {
			errs = append(errs, w.wrap(probed(c)), w.wrap(w.drained(c, maps, s)))
		}
	}
	return errors.Join(errs...)
}

func (w workload) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", w, err)
}

func safePod(p core.PodSpec) error {
	var errs []error
	sec := p.SecurityContext
	switch {
	case sec == nil || sec.RunAsNonRoot == nil || !*sec.RunAsNonRoot || sec.RunAsUser == nil || *sec.RunAsUser == 0:
		errs = append(errs, errors.New("pod may run as root"))
	case sec.SeccompProfile == nil || sec.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault:
		errs = append(errs, errors.New("pod has no seccomp profile"))
	case sec.FSGroup == nil:
		errs = append(errs, errors.New("pod has no fsGroup: it could not write to its volume"))
	}
	if p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken {
		errs = append(errs, errors.New("pod has a token of the API server, which it does not need"))
	}
	if p.HostNetwork || p.HostPID || p.HostIPC {
		errs = append(errs, errors.New("pod shares a namespace with the host"))
	}
	for _, v := range p.Volumes {
		if v.HostPath != nil {
			errs = append(errs, fmt.Errorf("volume %s is a folder of the host", v.Name))
		}
	}
	return errors.Join(errs...)
}

func safeContainer(c core.Container) error {
	sec := c.SecurityContext
	var errs []error
	if sec == nil || sec.AllowPrivilegeEscalation == nil || *sec.AllowPrivilegeEscalation || sec.Privileged != nil && *sec.Privileged {
		errs = append(errs, errors.New("may gain privileges"))
	}
	if sec == nil || sec.ReadOnlyRootFilesystem == nil || !*sec.ReadOnlyRootFilesystem {
		errs = append(errs, errors.New("may write to its image"))
	}
	if sec == nil || sec.Capabilities == nil || !slices.Equal(sec.Capabilities.Drop, []core.Capability{"ALL"}) || len(sec.Capabilities.Add) > 0 {
		errs = append(errs, errors.New("has capabilities"))
	}
	if sec != nil && (sec.RunAsUser != nil && *sec.RunAsUser == 0 || sec.RunAsNonRoot != nil && !*sec.RunAsNonRoot) {
		errs = append(errs, errors.New("may run as root"))
	}
	if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
		errs = append(errs, errors.New("requests no CPU or memory"))
	}
	if c.Resources.Limits.Memory().IsZero() {
		errs = append(errs, errors.New("has no limit of memory"))
	}
	if _, tag, _ := strings.Cut(c.Image[strings.LastIndexByte(c.Image, '/')+1:], ":"); tag == "" || tag == "latest" {
		errs = append(errs, fmt.Errorf("image %q is not pinned", c.Image))
	}
	return named(c, errs)
}

func named(c core.Container, errs []error) error {
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("container %s: %w", c.Name, err)
	}
	return nil
}

// standingBy has a process that stands by pass for ready.
const standingBy = "?standby=ok"

// probed: liveness asks what a restart can mend, readiness what says that requests are served, and a slow start is waited for.
func probed(c core.Container) error {
	var errs []error
	for _, p := range []struct {
		name, path string
		probe      *core.Probe
	}{{"startup", "/healthz", c.StartupProbe}, {"liveness", "/healthz", c.LivenessProbe}, {"readiness", "/readyz", c.ReadinessProbe}} {
		switch {
		case p.probe == nil || p.probe.HTTPGet == nil:
			errs = append(errs, fmt.Errorf("has no %s probe", p.name))
		case p.probe.HTTPGet.Path != p.path && p.probe.HTTPGet.Path != p.path+standingBy:
			errs = append(errs, fmt.Errorf("%s probe asks %s instead of %s", p.name, p.probe.HTTPGet.Path, p.path))
		case port(c, p.probe.HTTPGet.Port.StrVal) == 0:
			errs = append(errs, fmt.Errorf("%s probe asks a port that the container has not", p.name))
		}
	}
	if p := c.StartupProbe; p != nil && p.PeriodSeconds*p.FailureThreshold < 60 {
		errs = append(errs, fmt.Errorf("startup probe gives up after %d s", p.PeriodSeconds*p.FailureThreshold))
	}
	return named(c, errs)
}

// port is the number of a container's port by its name, 0 when it has none.
func port(c core.Container, name string) int32 {
	for _, p := range c.Ports {
		if p.Name == name && len(name) <= 15 {
			return p.ContainerPort
		}
	}
	return 0
}

func (w workload) mounted(c core.Container) error {
	has := map[string]bool{}
	for _, v := range w.pod.Spec.Volumes {
		has[v.Name] = true
	}
	for _, v := range w.claims {
		has[v.Name] = true
	}
	var errs []error
	paths := map[string]bool{}
	for _, m := range c.VolumeMounts {
		if !has[m.Name] {
			errs = append(errs, fmt.Errorf("mounts %s, which is no volume", m.Name))
		}
		paths[m.MountPath] = true
	}
	if !paths["/tmp"] || !paths["/data"] {
		errs = append(errs, errors.New("has no /tmp or no /data to write to"))
	}
	return named(c, errs)
}

func configured(c core.Container, s Settings) error {
	errs := make([]error, 0, 1+len(c.Env))
	errs = append(errs, s.Arguments(c.Args))
	for _, e := range c.Env {
		errs = append(errs, s.Environment(e.Name))
	}
	return named(c, errs)
}

// writing is how long the rest of a stop may take after the drain: the systemd units give it as much.
const writing = 60 * time.Second

// drained compares the time that the pod is given to end with what its server takes, by the file that it reads.
func (w workload) drained(c core.Container, maps configs, s Settings) error {
	file, err := w.file(c, maps)
	if err != nil {
		return named(c, []error{err})
	}
	tree := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(file), &tree); err != nil {
		return named(c, []error{err})
	}
	errs := []error{s.File(tree)}
	text, _ := tree["drain_timeout"].(string)
	needs, err := time.ParseDuration(text)
	if err != nil {
		errs = append(errs, fmt.Errorf("drain_timeout: %w", err))
	}
	if l := c.Lifecycle; l != nil && l.PreStop != nil && l.PreStop.Sleep != nil {
		needs += time.Duration(l.PreStop.Sleep.Seconds) * time.Second
	}
	needs += writing
	given := w.pod.Spec.TerminationGracePeriodSeconds
	if given == nil || time.Duration(*given)*time.Second < needs {
		errs = append(errs, fmt.Errorf("is killed before the %s that its stop may take", needs))
	}
	return named(c, errs)
}

// file is the text of the file after --config.
func (w workload) file(c core.Container, maps configs) (string, error) {
	i := slices.Index(c.Args, "--config")
	if i < 0 || i+1 >= len(c.Args) {
		return "", errors.New("is given no --config")
	}
	for _, m := range c.VolumeMounts {
		name, ok := strings.CutPrefix(c.Args[i+1], m.MountPath+"/")
		if !ok {
			continue
		}
		for _, v := range w.pod.Spec.Volumes {
			if v.Name != m.Name || v.ConfigMap == nil {
				continue
			}
			if cm := maps[v.ConfigMap.Name]; cm != nil && cm.Data[name] != "" {
				return cm.Data[name], nil
			}
		}
	}
	return "", fmt.Errorf("reads %s, which no ConfigMap has", c.Args[i+1])
}
