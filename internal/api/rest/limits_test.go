package rest

import (
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
)

func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.put(1, "buy", w.now, event.Property{Key: "amount", Type: event.Number, Num: 1}, event.Property{Key: "note", Type: event.String, Str: "x"})
	w.commit(1, 1)
	w.save("1 admin", "", `{"name":"x","question":{"series":[{}]}}`)
	w.board("", `{"name":"x"}`)
	limits := func(key, query string) map[string]Limit {
		var a struct{ Limits []Limit }
		w.ask(key, "GET", "/v1/limits"+query, "").json(&a)
		out := map[string]Limit{}
		for _, l := range a.Limits {
			if l.What == "" || l.Unit == "" || l.Scope == "" {
				t.Errorf("%+v", l)
			}
			out[l.Name] = l
		}
		return out
	}
	own := limits("1 read", "")
	for name, want := range map[string][2]float64{"property_columns": {2, 250}, "insights": {1, project.MaxInsights}, "dashboards": {1, 200}, "cohorts": {0, 200}} {
		if l := own[name]; l.Used == nil || *l.Used != want[0] || *l.Value != want[1] || l.Scope != "project" {
			t.Errorf("%s: %+v, want %v", name, l, want)
		}
	}
	if l := own["event_bytes"]; *l.Value != 1000 || l.Key != "limits.max_event" || l.Used != nil {
		t.Errorf("%+v", l)
	}
	if other := limits("1 admin", "?project=2"); *other["property_columns"].Used != 0 || *other["event_bytes"].Value != 2000 {
		t.Errorf("%+v", other)
	}
}
