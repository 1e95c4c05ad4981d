package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/config"
)

func TestLanes(t *testing.T) {
	const (
		control = "postgres://freshet@db/freshet"
		events  = "clickhouse://freshet@ch/freshet"
		topic   = "kafka://k/freshet"
	)
	for _, c := range []struct {
		lanes, roles, project, store, log string
		// wrong are the keys of the problems.
		wrong []string
	}{
		{"1", "", "", "", "", nil},
		{"2", "", "", "", "", []string{"project", "log.address", "store.address"}},
		{"2", "", control, events, topic, nil},
		{"2", "ingest", control, "", topic, nil},
		{"2", "admin", control, "", "", nil},
		{"2", "query", control, events, "", nil},
		{"2", "query", control, "", "", []string{"store.address", "store.address"}},
		{"0", "", "", "", "", []string{"lanes"}},
		{"257", "", control, events, topic, []string{"lanes"}},
	} {
		_, err := config.Load(config.Sources{Flags: map[string]string{
			"lanes": c.lanes, "roles": c.roles, "project": c.project, "store.address": c.store, "log.address": c.log,
		}})
		if !slices.Equal(wrongKeys(err), c.wrong) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestRoles(t *testing.T) {
	const (
		control = "postgres://freshet@db/freshet"
		events  = "clickhouse://freshet@ch/freshet"
		topic   = "kafka://k/freshet"
	)
	for _, c := range []struct {
		roles, project, store, log string
		// wrong are the keys of the problems.
		wrong []string
	}{
		{"", "", "", "", nil},
		{"ingest,process,query,admin", "", "", "", nil},
		{"ingest,process", control, events, "", nil},
		{"query", control, events, "", nil},
		{"query,admin", control, events, "", nil},
		{"admin", control, "", "", nil},
		{"admin", "", "", "", []string{"project"}},
		{"query", "", "", "", []string{"project", "store.address"}},
		{"ingest,process,query", control, "", "", []string{"store.address"}},
		{"ingest", control, events, "", []string{"log.address"}},
		{"process,query,admin", control, events, "", []string{"log.address"}},
		{"ingest", control, "", topic, nil},
		{"process", control, events, topic, nil},
		{"process", control, "", topic, []string{"store.address"}},
		{"query,query", control, events, "", []string{"roles"}},
		{"cook", control, events, "", []string{"roles"}},
	} {
		loaded, err := config.Load(config.Sources{Flags: map[string]string{"roles": c.roles, "project": c.project, "store.address": c.store, "log.address": c.log}})
		if !slices.Equal(wrongKeys(err), c.wrong) {
			t.Errorf("%+v: %v", c, err)
		}
		if got := strings.Join(loaded.Roles, ","); err == nil && c.roles != got {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// wrongKeys are the keys of the problems that a configuration has.
func wrongKeys(err error) (keys []string) {
	if ps, ok := err.(config.Problems); ok { //nolint:errorlint // Load says so
		for _, p := range ps {
			keys = append(keys, p.Key)
		}
	}
	return keys
}
