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
		{`{"kind":"sessions","show":"steps"}`, "unknown_word", "show"},
		{`{"kind":"sessions","duration":{"at_least":"soon"}}`, "bad_duration", "duration.at_least"},
		{`{"kind":"sessions","duration":{"at_least":"2h","at_most":"1h"}}`, "empty_bounds", "duration.at_least"},
		{`{"kind":"sessions","event_count":{"at_most":0}}`, "bad_count", "event_count.at_most"},
		{`{"kind":"sessions","measures":[{},{},{},{},{},{}]}`, "too_many_measures", "measures"},
		{`{"kind":"sessions","measures":[{"property":"$os"}]}`, "not_numeric", "measures[0].property"},
		{`{"kind":"sessions","measures":[{"as":"number"}]}`, "misplaced_as", "measures[0].as"},
		{`{"kind":"sessions","background":"25h"}`, "bad_duration", "background"},
		{`{"kind":"sessions","attribution":"first_event"}`, "misplaced_attribution", "attribution"},
		{`{"kind":"paths","from":{},"to":{}}`, "ambiguous_direction", "to"},
		{`{"kind":"paths","window":"soon"}`, "bad_duration", "window"},
		{`{"kind":"paths","breakdown":[{"property":"unheard of"}]}`, "unknown_property", "breakdown[0].property"},
		{`{"kind":"paths","unit":"devices"}`, "unknown_word", "unit"},
		{`{"kind":"paths","to":{},"funnel":{"question":{"steps":[{}]}}}`, "ambiguous_direction", "funnel"},
		{`{"kind":"paths","unit":"sessions","funnel":{"question":{"steps":[{}]}}}`, "misplaced_unit", "unit"},
		{`{"kind":"paths","funnel":{"question":{"steps":[]}}}`, "bad_steps", "funnel.question.steps"},
		{`{"kind":"paths","funnel":{"question":{"steps":[{}],"unit":"device"}}}`, "misplaced_unit", "funnel.question.unit"},
		{`{"kind":"paths","funnel":{"question":{"steps":[{}],"breakdown":[{"property":"$os"}]}}}`, "misplaced_breakdown", "funnel.question.breakdown"},
		{`{"kind":"paths","range":{"from":"-3d"},"funnel":{"question":{"steps":[{}],"range":{"from":"-2d"}}}}`, "misplaced_range", "funnel.question.range"},
		{`{"kind":"paths","funnel":{"step":3,"question":{"steps":[{},{}]}}}`, "bad_step", "funnel.step"},
		{`{"kind":"paths","funnel":{"step":2,"side":"between","question":{"steps":[{},{}]}}}`, "bad_step", "funnel.step"},
		{`{"kind":"paths","funnel":{"step":2,"state":"stopped_here","question":{"steps":[{},{}]}}}`, "unknown_cell", "funnel.state"},
		{`{"kind":"paths","funnel":{"state":"lost","question":{"steps":[{},{}]}}}`, "unknown_word", "funnel.state"},
		{`{"kind":"paths","funnel":{"side":"beside","question":{"steps":[{},{}]}}}`, "unknown_word", "funnel.side"},
		{`{"kind":"paths","window":"1d","funnel":{"side":"between","question":{"steps":[{},{}]}}}`, "misplaced_window", "window"},
		{`{"kind":"paths","funnel":{"question":{"steps":[{"where":{"property":"unheard of","op":"is_set"}}]}}}`, "unknown_property", "funnel.question.steps[0].where.property"},
		{`{"kind":"paths","funnel":{"question":{"steps":[{}],"tiee":"1s"}}}`, "unknown_field", "funnel.question.tiee"},
		{`{"series":[{"clock":"calendar"}]}`, "misplaced_clock", "series[0].clock"},
		{`{"series":[{"aggregate":"wau","clock":"lunar"}]}`, "unknown_word", "series[0].clock"},
		{`{"kind":"funnel","steps":[{}],"unit":"expression"}`, "bad_unit_by", "unit_by"},
		{`{"kind":"funnel","steps":[{}],"order":"strict","visible":"some"}`, "unknown_word", "visible"},
		{`{"kind":"funnel","steps":[{}],"order":"strict","ignore":["a","b\u0000"]}`, "bad_text", "ignore[1]"},
		{`{"kind":"funnel","steps":[{}],"unit_by":[{"property":"$os"}]}`, "misplaced_unit_by", "unit_by"},
		{`{"kind":"funnel","steps":[{}],"unit":"expression","unit_by":[{"property":"$os"},{}]}`, "missing_property", "unit_by[1].property"},
	} {
		got := w.ask("1 read", "POST", "/v1/query", c.body)
		if p := got.problem(); got.Code != http.StatusBadRequest || p.Code != c.code || p.Field != c.field {
			t.Errorf("%s: %d %+v", c.body, got.Code, p)
		}
	}
}
