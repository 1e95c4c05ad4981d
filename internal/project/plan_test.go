package project_test

import (
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

func TestSetPlan(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "a").ID
	for _, c := range []struct {
		name     string
		seen     uint64
		document string
		code     string
		version  uint64
	}{
		{"none is taken away", 0, "", "", 0},
		{"a version before the first", 1, "{}", "plan_changed", 0},
		{"the first", 0, "{}", "", 1},
		{"the same", 1, "{}", "", 1},
		{"another", 1, `{"events":[]}`, "", 2},
		{"an old one", 1, "{}", "plan_changed", 0},
		{"too large", 2, string(make([]byte, 1<<20+1)), "plan_too_large", 0},
		{"taken away", 2, "", "", 3},
		{"anew", 0, "{}", "", 4},
	} {
		var document []byte
		if c.document != "" {
			document = []byte(c.document)
		}
		got, err := s.SetPlan(t.Context(), "key 1 (admin)", p, c.seen, document, "1 event")
		if code(err) != c.code || got.Version != c.version {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
	entries, err := s.Audit(t.Context(), 0, 10)
	if err != nil || len(entries) != 5 || entries[0].Action != "plan.update" || entries[0].Detail != "tracking plan: 1 event" {
		t.Errorf("%+v %v", entries, err)
	}
	var none project.Plan
	if got, err := s.Plan(t.Context(), 99); err != nil || got.Version != none.Version {
		t.Errorf("%+v %v", got, err)
	}
}
