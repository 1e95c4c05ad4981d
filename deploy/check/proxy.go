package check

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

var (
	site   = regexp.MustCompile(`^:([0-9]+) \{$`)
	path   = regexp.MustCompile(`^\t(@[a-z]+) path (.+)$`)
	behind = regexp.MustCompile(`^\treverse_proxy (@[a-z]+ )?(.+) \{$`)
)

// routes are the services that a Caddyfile leads to, by its ports and paths; those of "/" are of everything else.
type routes map[string]map[string][]string

// readProxy reads what it needs of deploy/compose/Caddyfile; whether Caddy takes the rest is not looked at.
func readProxy(text string) routes {
	out := routes{}
	port := ""
	paths := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := site.FindStringSubmatch(line); m != nil {
			port, paths = m[1], map[string][]string{"": {"/"}}
			out[port] = map[string][]string{}
		}
		if m := path.FindStringSubmatch(line); m != nil {
			paths[m[1]] = strings.Fields(m[2])
		}
		if m := behind.FindStringSubmatch(line); m != nil && port != "" {
			for _, p := range paths[strings.TrimSpace(m[1])] {
				out[port][p] = strings.Fields(m[2])
			}
		}
	}
	return out
}

// Proxy complains about a Caddyfile that does not lead events to all who take them, everything else to all who answer, and toLog to
// the one that stores; or whose ports are not those that its service publishes.
func Proxy(p *types.Project, caddyfile string) error {
	doors, answers := serving(p, "ingest"), serving(p, "query")
	questions := map[string][]string{"/": answers}
	for _, route := range toLog {
		questions[route] = serving(p, "process")
	}
	var errs []error
	found := readProxy(caddyfile)
	published := []string{}
	for _, port := range p.Services["proxy"].Ports {
		published = append(published, fmt.Sprint(port.Target))
	}
	slices.Sort(published)
	if ports := slices.Sorted(maps.Keys(found)); !slices.Equal(ports, published) {
		errs = append(errs, fmt.Errorf("listens on %v, published are %v", ports, published))
	}
	for _, want := range []map[string][]string{{"/": doors}, questions} {
		if !slices.ContainsFunc(slices.Collect(maps.Values(found)), func(r map[string][]string) bool { return maps.EqualFunc(r, want, slices.Equal) }) {
			errs = append(errs, fmt.Errorf("no port leads to %v", want))
		}
	}
	if strings.Count(caddyfile, "@metrics path /metrics") != len(found) {
		errs = append(errs, errors.New("lets everybody read /metrics"))
	}
	return errors.Join(errs...)
}

// serving are the addresses of the servers with a role, in order.
func serving(p *types.Project, role string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		roles := p.Services[name].Environment["FRESHET_ROLES"]
		if roles != nil && slices.Contains(rolesIn(*roles), role) {
			out = append(out, name+":8080")
		}
	}
	return out
}
