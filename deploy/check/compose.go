package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// LoadCompose reads a file of deploy/compose as Compose does. A key that Compose does not have is an error, and so is a variable
// that environment has not.
func LoadCompose(name string, text []byte, environment map[string]string) (*types.Project, error) {
	folder, err := filepath.Abs(filepath.Join(Root, "deploy/compose"))
	if err != nil {
		return nil, err
	}
	var missing []string
	p, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  folder,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(folder, name), Content: text}},
		Environment: environment,
	}, func(o *loader.Options) {
		o.SetProjectName("freshet", true)
		o.Interpolate.LookupValue = func(key string) (string, bool) {
			v, ok := environment[key]
			if !ok {
				missing = append(missing, key)
			}
			return v, ok
		}
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("variables %s are in no example", strings.Join(missing, ", "))
	}
	return p, err
}

// ReadEnvironment reads an example of settings as lines of NAME=value; those that are commented out count.
func ReadEnvironment(name string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(Root, "deploy/compose", name))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		if key, value, ok := strings.Cut(line, "="); ok && envKey.MatchString(key) {
			out[key] = value
		}
	}
	return out, nil
}

var (
	envKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	// pinned is a tag with at least two numbers, or a digest.
	pinned = regexp.MustCompile(`(:v?[A-Za-z.]*[0-9]+\.[0-9]+[^/]*|@sha256:[0-9a-f]{64})$`)
)

// Compose complains about services whose image moves, that take all memory, that are not started again, that others wait for
// although nothing says when they are there, that have settings that the server does not, and that do not make a whole.
func Compose(p *types.Project, s Settings) error {
	var errs []error
	for name, svc := range p.Services {
		if err := service(p, svc, s); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", name, err))
		}
	}
	return errors.Join(append(errs, together(p))...)
}

// together complains about servers that share a data folder, or that are in parts which do not make a whole.
func together(p *types.Project) error {
	var all []member
	var errs []error
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		svc := p.Services[name]
		if !ours(svc) {
			continue
		}
		m := member{name: "service " + name, has: map[string]bool{}}
		for key, value := range svc.Environment {
			m.has[key] = value != nil && *value != ""
		}
		if roles := svc.Environment["FRESHET_ROLES"]; roles != nil {
			m.roles = rolesIn(*roles)
		}
		volume := dataVolume(svc)
		m.kept = volume != ""
		if other := owner[volume]; other != "" {
			errs = append(errs, fmt.Errorf("services %s and %s have one data folder", other, name))
		}
		owner[volume] = name
		all = append(all, m)
	}
	if len(all) > 1 {
		errs = append(errs, members(all))
	}
	return errors.Join(errs...)
}

// ours tells whether a service is a server of this repository.
func ours(svc types.ServiceConfig) bool { return strings.HasPrefix(svc.Image, "freshet:") }

// dataVolume is the volume of a server's data folder, "" when it has none.
func dataVolume(svc types.ServiceConfig) string {
	data := svc.Environment["FRESHET_DATA"]
	for _, v := range svc.Volumes {
		if data != nil && v.Target == *data && v.Type == types.VolumeTypeVolume {
			return v.Source
		}
	}
	return ""
}

func service(p *types.Project, svc types.ServiceConfig, s Settings) error {
	var errs []error
	if !ours(svc) && svc.HealthCheck == nil {
		errs = append(errs, errors.New("has no health check"))
	}
	if !ours(svc) && !pinned.MatchString(svc.Image) {
		errs = append(errs, fmt.Errorf("image %q is not pinned", svc.Image))
	}
	if svc.MemLimit == 0 {
		errs = append(errs, errors.New("has no limit of memory"))
	}
	if svc.Restart != types.RestartPolicyUnlessStopped && svc.Restart != "no" {
		errs = append(errs, fmt.Errorf("restart is %q", svc.Restart))
	}
	for other, d := range svc.DependsOn {
		if d.Condition == types.ServiceConditionHealthy && p.Services[other].HealthCheck == nil {
			errs = append(errs, fmt.Errorf("waits for the health of %s, which has no health check", other))
		}
	}
	for key := range svc.Environment {
		errs = append(errs, s.Environment(key))
	}
	if ours(svc) {
		errs = append(errs, ourService(svc, s))
	}
	return errors.Join(errs...)
}

// drain is drain_timeout as it comes.
const drain = 10 * time.Second

func ourService(svc types.ServiceConfig, s Settings) error {
	var errs []error
	if len(svc.Command) > 0 { // the image's own is serve
		errs = append(errs, s.Arguments(svc.Command))
	}
	if svc.User == "" || strings.HasPrefix(svc.User, "0") || svc.User == "root" {
		errs = append(errs, errors.New("may run as root"))
	}
	if !svc.ReadOnly || len(svc.CapDrop) != 1 || svc.CapDrop[0] != "ALL" || len(svc.CapAdd) > 0 || svc.Privileged {
		errs = append(errs, errors.New("has more rights than it needs"))
	}
	if svc.StopGracePeriod == nil || time.Duration(*svc.StopGracePeriod) < writing+drain {
		errs = append(errs, errors.New("is killed before it has written what is in memory"))
	}
	if dataVolume(svc) == "" {
		errs = append(errs, errors.New("has no volume for its data folder"))
	}
	return errors.Join(errs...)
}
