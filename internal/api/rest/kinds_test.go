package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestEveryKindHasOneForm asks a question of each kind, twice: all answers have the same frame, and repeat a question that
// is taken again.
func TestEveryKindHasOneForm(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	for name, body := range map[string]string{
		"trends":     `{"series":[{"events":["buy"]}]}`,
		"funnel":     `{"kind":"funnel","steps":[{"events":["buy"]},{"events":["buy"]}]}`,
		"retention":  `{"kind":"retention","start":{"events":["buy"]},"range":{"from":"-7d"}}`,
		"lifecycle":  `{"kind":"lifecycle","active":{"events":["buy"]},"range":{"from":"-7d"}}`,
		"stickiness": `{"kind":"stickiness","active":{"events":["buy"]},"range":{"from":"-7d"}}`,
		"sessions":   `{"kind":"sessions","range":{"from":"-7d"}}`,
		"paths":      `{"kind":"paths","range":{"from":"-7d"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, state := range []string{"miss", "hit"} {
				got := w.ask("1 read", "POST", "/v1/query", body)
				var a map[string]json.RawMessage
				got.json(&a)
				if got.Code != http.StatusOK || got.Header().Get("Freshet-Cache") != state || string(a["kind"]) != `"`+name+`"` {
					t.Fatalf("%d %v %s", got.Code, got.Header(), got.Body)
				}
				for _, field := range []string{"range", "question", "watermark", "cached", "took_ms"} {
					if strings.Count(got.Body.String(), `"`+field+`":`) < 1 || a[field] == nil {
						t.Errorf("no %s in %s", field, got.Body)
					}
				}
				if again := w.ask("1 read", "POST", "/v1/query", string(a["question"])); again.Header().Get("ETag") != got.Header().Get("ETag") {
					t.Errorf("the question in the answer is another one: %s", a["question"])
				}
			}
		})
	}
	if n := len(kinds()); n != 7 {
		t.Errorf("%d kinds", n)
	}
}

func TestKindsAreToldApart(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ body, code, field string }{
		{`{"kind":"horoscope"}`, "unknown_word", "kind"},
		{`{"kind":7}`, "wrong_type", "kind"},
		{`{"kind":"retention","series":[]}`, "unknown_field", "series"},
		{`{"kind":"retention","clock":"sundial"}`, "unknown_word", "clock"},
		{`{"kind":"retention","interval":"minute"}`, "unknown_word", "interval"},
		{`{"kind":"retention","brackets":[{"from":0,"to":2},{"from":2,"to":3}]}`, "bad_brackets", "brackets[1]"},
		{`{"kind":"retention","start":{"where":{"property":"$os","op":"near"}}}`, "unknown_word", "start.where.op"},
		{`{"kind":"retention","return":{"where":{"property":"unheard of","op":"is_set"}}}`, "unknown_property", "return.where.property"},
		{`{"kind":"retention","preset":"heap"}`, "unknown_word", "preset"},
		{`{"kind":"lifecycle","new_by":"birth"}`, "unknown_word", "new_by"},
		{`{"kind":"stickiness","mode":"ratio","interval":"week"}`, "bad_interval", "interval"},
		{`{"kind":"stickiness","interval":"month","window":"month"}`, "bad_window", "window"},
		{`{"kind":"sessions","gap":"2d"}`, "bad_duration", "gap"},
		{`{"kind":"sessions","attribution":"first_event"}`, "misplaced_attribution", "attribution"},
		{`{"kind":"paths","from":{},"to":{}}`, "ambiguous_direction", "to"},
		{`{"kind":"paths","window":"soon"}`, "bad_duration", "window"},
		{`{"kind":"paths","unit":"devices"}`, "unknown_word", "unit"},
	} {
		got := w.ask("1 read", "POST", "/v1/query", c.body)
		if p := got.problem(); got.Code != http.StatusBadRequest || p.Code != c.code || p.Field != c.field {
			t.Errorf("%s: %d %+v", c.body, got.Code, p)
		}
	}
}
