package rest

import (
	"encoding/json"
	"strings"
	"testing"
)

// told is one server-sent event.
type told struct{ name, data string }

func tellings(t *testing.T, text string) (out []told) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		head, data, ok := strings.Cut(part, "\ndata: ")
		if !ok || strings.Contains(data, "\n") || !strings.HasPrefix(head, "event: ") {
			t.Fatalf("%q is no event", part)
		}
		out = append(out, told{strings.TrimPrefix(head, "event: "), data})
	}
	return out
}

func TestProgressThenTheAnswer(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 50)
	for _, c := range kindTables {
		got := w.ask("1 read", "POST", "/v1/query", c.question, "Accept", "text/event-stream")
		events := tellings(t, got.Body.String())
		last := events[len(events)-1]
		if got.Code != 200 || got.Header().Get("Content-Type") != "text/event-stream" || events[0].name != "progress" || last.name != "answer" {
			t.Fatalf("%d %v %s", got.Code, got.Header(), got.Body)
		}
		var first queryProgress
		must(t, json.Unmarshal([]byte(events[0].data), &first))
		if first.Phase == "" {
			t.Errorf("%+v", first)
		}
		// But for how long it took and that it is kept, the answer is that of a plain question.
		plain := w.ask("1 read", "POST", "/v1/query", c.question)
		want, _, _ := strings.Cut(plain.Body.String(), `,"cached":`)
		if got, _, _ := strings.Cut(last.data, `,"cached":`); got != want || plain.Header().Get("Freshet-Cache") != "hit" {
			t.Errorf("%s: got\n%s\nwant\n%s", c.question, got, want)
		}
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	for _, c := range []struct{ query, body, code string }{
		{"", `{"kind":"horoscope"}`, "unknown_word"},
		{"?consistent_with=99&timeout=1s", buys, "not_visible_yet"},
	} {
		got := w.ask("1 read", "POST", "/v1/query"+c.query, c.body, "Accept", "text/event-stream")
		events := tellings(t, got.Body.String())
		var p Problem
		must(t, json.Unmarshal([]byte(events[len(events)-1].data), &p))
		if last := events[len(events)-1]; last.name != "error" || p.Code != c.code || p.Status < 400 {
			t.Errorf("%s", got.Body)
		}
		if c.query != "" && len(events) < 3 {
			t.Errorf("in a second only %d events", len(events))
		}
	}
	if got := w.ask("1 read", "POST", "/v1/query?timeout=1h", buys, "Accept", "text/event-stream"); got.Code != 400 || got.problem().Code != "bad_timeout" {
		t.Error(got.Code, got.Body)
	}
}
