package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// TestPlansOfEveryKind: each example has a plan, a plan counts as no answer, and values stand beside the SQL only.
func TestPlansOfEveryKind(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	for name, x := range examples() {
		example, err := json.Marshal(x.Value)
		must(t, err)
		body := strings.ReplaceAll(string(example), `"purchase"`, `"buy"`)
		got := w.ask("1 read", "POST", "/v1/query/plan", body)
		var p query.Outline
		got.json(&p)
		if got.Code != http.StatusOK || p.Kind != name || len(p.Statements) == 0 || len(p.How) == 0 || p.Watermark.Position != 3 {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
		for _, s := range p.Statements {
			if !strings.Contains(s.SQL, "FROM "+p.Relations[0].Name) || strings.Contains(s.SQL, "buy") || s.Name == "" {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	if got := w.ask("1 read", "POST", "/v1/query", buys); got.Header().Get("Freshet-Cache") != "miss" || total(t, got) != 3 {
		t.Errorf("after a plan: %v %s", got.Header(), got.Body)
	}
}

func TestPlanShowsColumnsAndParameters(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	var p query.Outline
	w.ask("1 read", "POST", "/v1/query/plan", `{"series":[{"events":["buy"],"aggregate":"sum","property":"amount"}]}`).json(&p)
	if len(p.Columns) != 1 || p.Columns[0].Property != "amount" || p.Columns[0].Type != "number" ||
		!strings.Contains(p.Statements[0].SQL, p.Columns[0].Column) || !slices.Equal(p.Names, []query.OutlineName{{Number: 1, Event: "buy"}}) {
		t.Errorf("%+v", p)
	}
}

func TestPlanRefusesWhatAskingRefuses(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	for _, bad := range []string{`{"kind":"funnel","steps":[]}`, `{"series":[{"property":"nothing","aggregate":"sum"}]}`, `{"serie":[]}`, `{`, ``} {
		planned, asked := w.ask("1 read", "POST", "/v1/query/plan", bad).problem(), w.ask("1 read", "POST", "/v1/query", bad).problem()
		if planned.Code != asked.Code || planned.Status != asked.Status || planned.Field != asked.Field {
			t.Errorf("%s: %+v, asking says %+v", bad, planned, asked)
		}
	}
}
