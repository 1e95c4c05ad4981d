package ingest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// item is what one event of a request became in the log.
type item struct {
	event.Event
	dead string
}

// logged reads everything in the log.
func logged(t testing.TB, l *disk.Log) (out []item) {
	t.Helper()
	sub, err := l.Subscribe(0)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for at, end := l.Bounds(); at < end; {
		es, err := sub.Next(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		at = es[0].End()
		var d event.Decoder
		if err := d.Open(es[0].Payload); err != nil || d.Items != es[0].Events {
			t.Fatal(d.Items, es[0].Events, err)
		}
		for range d.Items {
			var i item
			dead, _, err := d.Next(&i.Event)
			if err != nil {
				t.Fatal(err)
			}
			if dead != nil {
				i.dead = dead.Code
			}
			out = append(out, i)
		}
	}
	return out
}

func post(t testing.TB, mux *http.ServeMux, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.SetBasicAuth("good", "")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w
}

// whole says that a request is refused as one.
const whole = "whole: "

// catalogue are inputs that must be answered well, by their number in the catalogue of bad inputs. has is put into an
// event's properties, at into the event itself. want is "" for an event that is taken, a dead letter's code otherwise.
var catalogue = []struct {
	id, has, at, want string
	check             func(e *event.Event) string
}{
	{id: "I09", has: "\"p\":\"\xff\"", want: "invalid_utf8"},
	{id: "I09 in a name", has: "\"\xc3\x28\":1", want: "invalid_utf8"},
	{id: "I09 in the context", at: "\"context\":{\"x\":\"\xed\xa0\x80\"}", want: "invalid_utf8"},
	{id: "I10", has: `"p":"\ud800"`, want: "invalid_unicode"},
	{id: "I10 low half", has: `"p":"a\uDC00b"`, want: "invalid_unicode"},
	{id: "I10 two high halves", has: `"p":"\ud83d\ud83d"`, want: "invalid_unicode"},
	{id: "I10 nested, in a name", has: `"p":{"a":[{"\udfff":1}]}`, want: "invalid_unicode"},
	{id: "I10 whole pair", has: `"p":"\ud83d\ude00"`, check: text("p", "\U0001F600")},
	{id: "I10 spelled out", has: `"p":"\\ud800"`, check: text("p", `\ud800`)},
	{id: "I11", has: "\"p\":\"\x00\"", want: "nul_byte"},
	{id: "I11 escaped", has: `"p":"a\u0000"`, want: "nul_byte"},
	{id: "I11 in a name", has: `"\u0000":1`, want: "nul_byte"},
	{id: "I12", has: `"p":1,"p":1`, want: "duplicate_key"},
	{id: "I12 spelled differently", has: `"p":1,"\u0070":2`, want: "duplicate_key"},
	{id: "I12 nested", has: `"p":[{"a":1,"b":2,"a":3}]`, want: "duplicate_key"},
	{id: "I12 in the event", at: `"event":"once more"`, want: "duplicate_key"},
	{id: "I12 of 1000", has: members(900) + `,"k17":0`, want: "duplicate_key"},
	{id: "I12 same name in other objects", has: `"p":{"p":{"p":1}},"q":{"p":1}`},
	{id: "I13", has: `"p":1`, at: `"EVENT":"other","USER_ID":"other","UserId":"other"`, check: func(e *event.Event) string {
		return e.Name + " of " + e.UserID
	}},
	{id: "I14 at the limit", has: `"p":` + nested(30)},
	{id: "I14", has: `"p":` + nested(31), want: "too_deep"},
	{id: "I14 in the context", at: `"context":{"x":` + nested(33) + `}`, want: "too_deep"},
	{id: "I14 deep", has: `"p":` + nested(100_000), want: whole + "too_deep"},
	{id: "I15", has: members(10_000), want: "too_many_properties"},
	{id: "I16 long", has: `"` + strings.Repeat("k", 513) + `":1`, want: "bad_key"},
	{id: "I16 empty", has: `"":1`, want: "bad_key"},
	{id: "I16 prototype", has: `"__proto__":"x","constructor":"y"`, check: text("__proto__", "x")},
	{id: "I17", has: `"p":9007199254740993`, check: text("p", "9007199254740993")},
	{id: "I17 nested", has: `"p":[-9223372036854775809]`, check: text("p", "[-9223372036854775809]")},
	{id: "I17 the last that a float holds", has: `"p":9007199254740991`, check: func(e *event.Event) string {
		return fmt.Sprintf("%.0f", e.Properties[0].Num)
	}},
	{id: "I18", has: `"p":1e400`, want: "bad_number"},
	{id: "I18 negative", has: `"p":-1e400`, want: "bad_number"},
	{id: "I18 nested", has: `"p":{"a":[1e999]}`, want: "bad_number"},
	{id: "I18 NaN", has: `"p":NaN`, want: "bad_number"},
	{id: "I18 Infinity", has: `"p":-Infinity`, want: whole + "malformed_json"},
	{id: "I18 inf nested", has: `"p":[inf]`, want: "bad_number"},
	{id: "I18 not as JSON has it", has: `"p":[01]`, want: "bad_number"},
	{id: "I18 tiny", has: `"p":1e-400`},
	{id: "I19", has: `"p":` + strings.Repeat("7", 1_000_000), want: "bad_number"},
	{id: "I20", has: `"p":"` + strings.Repeat("x", 20<<10) + `"`, check: func(e *event.Event) string {
		return fmt.Sprint(len(e.Properties[0].Str))
	}},
	{id: "I21", has: `"p":"` + strings.Repeat("x", 1<<20) + `"`, want: "event_too_large"},
	{id: "I21 in the context", at: `"context":{"x":"` + strings.Repeat("x", 1<<20) + `"}`, want: "event_too_large"},
	{id: "I62", has: `"p":"=cmd|' /C calc'!A0 <script>\u001b[31m"`, check: text("p", "=cmd|' /C calc'!A0 <script>\x1b[31m")},
	{id: "an escape that JSON does not have", has: `"p":"\x41"`, want: "malformed_json"},
	{id: "a control character in a string", has: "\"p\":[\"a\nb\"]", check: text("p", `["a\u000ab"]`)},
}

// found are the answers of the checks, by id.
var found = map[string]string{
	"I13": "e of u", "I17 the last that a float holds": "9007199254740991", "I20": "20480",
}

// text checks the text of a property.
func text(key, want string) func(*event.Event) string {
	return func(e *event.Event) string {
		for _, p := range e.Properties {
			if p.Key == key && p.Str == want {
				return ""
			}
		}
		return fmt.Sprintf("%+v", e.Properties)
	}
}

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func members(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%d":%d`, i, i)
	}
	return b.String()
}

// wires are the protocols, as the event with the given properties and members between two good neighbours.
var wires = []struct {
	name, path string
	body       func(has, at string) string
}{
	{"segment", "/v1/batch", func(has, at string) string {
		return `{"batch":[{"type":"track","event":"e","userId":"u"},{"type":"track","event":"e","userId":"u",` + comma(at) +
			`"properties":{` + has + `}},{"type":"track","event":"e","userId":"u"}]}`
	}},
	{"native", "/v1/events", func(has, at string) string {
		return `[{"event":"e","user_id":"u"},{"event":"e","user_id":"u",` + comma(at) + `"properties":{` + has + `}},{"event":"e","user_id":"u"}]`
	}},
	{"native lines", "/v1/events", func(has, at string) string {
		one := `{"event":"e","user_id":"u",` + comma(at) + `"properties":{` + has + `}}`
		return "{\"event\":\"e\",\"user_id\":\"u\"}\n" + strings.ReplaceAll(one, "\n", " ") + "\n{\"event\":\"e\",\"user_id\":\"u\"}\n"
	}},
}

func comma(members string) string {
	if members == "" {
		return ""
	}
	return members + ","
}

// TestCatalogue sends every input by every protocol, between good neighbours, which must not suffer.
func TestCatalogue(t *testing.T) {
	for _, wire := range wires {
		for _, c := range catalogue {
			t.Run(wire.name+"/"+c.id, func(t *testing.T) {
				mux, l := server(t)
				began := time.Now()
				w := post(t, mux, wire.path, wire.body(c.has, c.at))
				// What grows with the square of a megabyte takes minutes, and a busy machine takes seconds for what does not.
				if took := time.Since(began); took > time.Minute {
					t.Errorf("took %v", took)
				}
				if code, refused := strings.CutPrefix(c.want, whole); refused {
					if wire.name == "native lines" {
						code = "" // There it concerns only its line.
					}
					if code != "" && (w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"`+code+`"`)) {
						t.Fatalf("status %d: %.300s", w.Code, w.Body)
					}
					return
				}
				items := logged(t, l)
				if w.Code != http.StatusOK || len(items) != 3 || items[0].dead != "" || items[2].dead != "" {
					t.Fatalf("status %d, %d events: %.300s", w.Code, len(items), w.Body)
				}
				if items[1].dead != c.want {
					t.Fatalf("dead letter %q, want %q", items[1].dead, c.want)
				}
				if c.check != nil && wire.name != "native lines" {
					if got := c.check(&items[1].Event); got != found[c.id] {
						t.Fatalf("got %q, want %q", got, found[c.id])
					}
				}
			})
		}
	}
}

// TestCatalogueOfEvents are the inputs that concern an event's own members.
func TestCatalogueOfEvents(t *testing.T) {
	const us = int64(1e6)
	for _, c := range []struct {
		id, event, want string
		time            int64
	}{
		{"I07", "\ufeff" + `{"event":"e","user_id":"u"}`, "", 0},
		{"I45 missing", `{"user_id":"u"}`, "bad_event_name", 0},
		{"I45 spaces", `{"event":" \t ","user_id":"u"}`, "bad_event_name", 0},
		{"I45 spaces beside a flaw", `[{"event":" ","user_id":"u"},"\ud800"]`, "bad_event_name", 0},
		{"I45 10 KiB", `{"event":"` + strings.Repeat("x", 10<<10) + `","user_id":"u"}`, "bad_event_name", 0},
		{"I46", `{"event":"e","user_id":"u"}`, "", 0},
		{"I47 not a UUID", `{"event":"e","user_id":"u","id":"7/x"}`, "", 0},
		{"I47 10 KiB", `{"event":"e","user_id":"u","id":"` + strings.Repeat("x", 10<<10) + `"}`, "bad_event_id", 0},
		{"I52 nobody", `{"event":"e","user_id":"","anonymous_id":null}`, "missing_identity", 0},
		{"I52 all zeros", `{"event":"e","user_id":"00000000-0000-0000-0000-000000000000"}`, "", 0},
		{"I54 year 9999", `{"event":"e","user_id":"u","timestamp":"9999-12-31T23:59:59Z"}`, "", 253402300799 * us},
		{"I54 year 0", `{"event":"e","user_id":"u","timestamp":"0000-01-01T00:00:00Z"}`, "bad_time", 0},
		{"I54 year 99999", `{"event":"e","user_id":"u","timestamp":"99999-01-01T00:00:00Z"}`, "bad_time", 0},
		{"I54 negative", `{"event":"e","user_id":"u","timestamp":-1}`, "bad_time", 0},
		{"I54 10^18", `{"event":"e","user_id":"u","timestamp":1000000000000000000}`, "", 1e15},
		{"I54 10^300", `{"event":"e","user_id":"u","timestamp":1e300}`, "bad_time", 0},
		{"I54 infinite", `{"event":"e","user_id":"u","timestamp":1e999}`, "bad_time", 0},
		{"I55 s", `{"event":"e","user_id":"u","timestamp":1775044800}`, "", 1775044800 * us},
		{"I55 ms", `{"event":"e","user_id":"u","timestamp":1775044800000}`, "", 1775044800 * us},
		{"I55 us", `{"event":"e","user_id":"u","timestamp":1775044800000000}`, "", 1775044800 * us},
		{"I55 ns", `{"event":"e","user_id":"u","timestamp":"1775044800000000000"}`, "", 1775044800 * us},
		{"I58 invalid day", `{"event":"e","user_id":"u","timestamp":"2026-02-29"}`, "bad_time", 0},
		{"I58 offset", `{"event":"e","user_id":"u","timestamp":"2026-04-01T12:00:00+25:00"}`, "bad_time", 0},
		{"I58 leap second", `{"event":"e","user_id":"u","timestamp":"2016-12-31T23:59:60.5Z"}`, "", 1483228799*us + 999_999},
	} {
		t.Run(c.id, func(t *testing.T) {
			mux, l := server(t)
			w := post(t, mux, "/v1/events", c.event)
			items := logged(t, l)
			if w.Code != http.StatusOK || len(items) == 0 || items[0].dead != c.want {
				t.Fatalf("status %d, %+v: %s", w.Code, items, w.Body)
			}
			if c.want == "" && (items[0].OriginalTime != c.time || items[0].ID == "") {
				t.Fatalf("time %d, want %d; id %q", items[0].OriginalTime, c.time, items[0].ID)
			}
		})
	}
}

// TestCatalogueOfBodies are the inputs that concern a request as a whole.
func TestCatalogueOfBodies(t *testing.T) {
	for _, c := range []struct {
		id, path, body string
		status         int
		code           string
	}{
		{"I02", "/v1/events", "[]", 400, "empty_batch"},
		{"I03", "/v1/events", "null", 400, "not_object"},
		{"I04", "/v1/events", `[{"event":"e"`, 400, "malformed_json"},
		{"I04 over several lines", "/v1/events", "[\n{\"event\":\n\"e\",", 400, "malformed_json"},
		{"I05", "/v1/batch", `{"batch":[]}garbage`, 400, "trailing_data"},
		{"I08", "/v1/events", "\xff\xfe[\x00]\x00", 400, "malformed_json"},
		{"I22", "/v1/batch", `{"batch":[` + strings.Repeat("{},", 10_000) + `{}]}`, 413, "too_many_events"},
	} {
		t.Run(c.id, func(t *testing.T) {
			mux, l := server(t)
			w := post(t, mux, c.path, c.body)
			if _, end := l.Bounds(); w.Code != c.status || end != 0 || !strings.Contains(w.Body.String(), `"`+c.code+`"`) {
				t.Fatalf("status %d, %d events: %s", w.Code, end, w.Body)
			}
		})
	}
}

// TestFlawedEnvelope: what a batch's events share must not bring in what an event may not have.
func TestFlawedEnvelope(t *testing.T) {
	mux, l := server(t)
	post(t, mux, "/v1/batch", "{\"context\":{\"app\":{\"name\":\"\xff\"}},\"batch\":[{\"type\":\"track\",\"event\":\"e\",\"userId\":\"u\"}]}")
	if items := logged(t, l); len(items) != 1 || items[0].dead != "invalid_utf8" {
		t.Fatalf("%+v", items)
	}
}

// TestUserAgent: a header is not JSON, and has its own limits (I69).
func TestUserAgent(t *testing.T) {
	mux, l := server(t)
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(`{"event":"e","user_id":"u"}`))
	r.SetBasicAuth("good", "")
	r.Header.Set("User-Agent", "\xffagent"+strings.Repeat("ü", 1<<19))
	mux.ServeHTTP(httptest.NewRecorder(), r)
	items := logged(t, l)
	if len(items) != 1 {
		t.Fatal(len(items))
	}
	if a := items[0].Context.UserAgent; !strings.HasPrefix(a, "\ufffdagent") || len(a) > 1100 {
		t.Fatalf("%d bytes: %.20q", len(a), a)
	}
}
