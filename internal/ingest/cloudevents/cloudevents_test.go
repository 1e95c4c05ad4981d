package cloudevents_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/cloudevents"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
)

var p = cloudevents.Protocol{}

const whole = `{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"u"`

func TestCaptures(t *testing.T) { ingesttest.Captures(t, p) }

// text is the property of a name, as text.
func text(e event.Event, name string) string {
	for _, p := range e.Properties {
		if p.Key == name {
			return p.Str
		}
	}
	return "(none)"
}

// TestData: what data is, is told by its content type, and JSON is read as such however it came.
func TestData(t *testing.T) {
	for _, c := range []struct{ name, more, property, want string }{
		{"text", `,"datacontenttype":"text/plain","data":"hello"`, "data", "hello"},
		{"array", `,"data":[1,2]`, "data", "[1,2]"},
		{"null", `,"data":null`, "data", "(none)"},
		{"none", ``, "data", "(none)"},
		{"base64", `,"datacontenttype":"image/png","data_base64":"AP8="`, "data_base64", "AP8="},
		{"JSON in base64", `,"datacontenttype":"application/json","data_base64":"eyJhIjoieCJ9"`, "a", "x"},
		{"JSON of a vendor in base64", `,"datacontenttype":"application/vnd.x+json; charset=utf-8","data_base64":"eyJhIjoieCJ9"`, "a", "x"},
		{"subject beside a user", `,"userid":"someone","data":{"a":"b"}`, "subject", "u"},
		{"subject in data", `,"userid":"someone","data":{"subject":"b"}`, "subject", "b"},
		{"unreadable time", `,"time":"yesterday"`, "$original_timestamp", "yesterday"},
	} {
		e, code := ingesttest.One(t, p, ingesttest.Request("/", []byte(whole+c.more+"}")))
		if got := text(e, c.property); code != "" || got != c.want || e.ID != "/s 1" {
			t.Errorf("%s: %s %q %s", c.name, code, got, e.ID)
		}
	}
}

// TestDead: what cannot be used is set aside in structured form, however it came.
func TestDead(t *testing.T) {
	for code, body := range map[string]string{
		"bad_specversion":   `{"specversion":"0.3","id":"1","source":"/s","type":"t","subject":"u"}`,
		"missing_attribute": `{"specversion":"1.0","source":"/s","type":"t","subject":"u"}`,
		"missing_identity":  `{"specversion":"1.0","id":"1","source":"/s","type":"t"}`,
		"bad_base64":        whole + `,"data_base64":"§"}`,
		"duplicate_key":     whole + `,"id":"2"}`,
		"nul_byte":          whole + `,"data":{"a":"\u0000"}}`,
		"not_object":        `["x"]`,
	} {
		if _, got := ingesttest.One(t, p, ingesttest.Request("/", []byte(body))); got != code {
			t.Errorf("%s: %q", code, got)
		}
	}
	for code, headers := range map[string][]string{
		"bad_specversion":   {"Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t", "Ce-Subject", "u"},
		"missing_attribute": {"Ce-Specversion", "1.0", "Ce-Source", "/s", "Ce-Type", "t", "Ce-Subject", "u"},
		"missing_identity":  {"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t"},
		"invalid_utf8":      {"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t", "Ce-Subject", "%ff"},
	} {
		for _, body := range []string{"", `{"a":1}`} {
			r := ingesttest.Call(http.MethodPost, "/", body, headers...)
			r.Key = "k"
			if _, dead := ingesttest.Decode(t, p, r); len(dead) != 1 || dead[0].Code != code {
				t.Errorf("%s with data %q: %+v", code, body, dead)
			}
		}
	}
}

// TestBinary: headers are decoded as the binding says, and the body is what its content type says.
func TestBinary(t *testing.T) {
	for _, c := range []struct {
		name, body, kind, subject string
		user, property, want      string
	}{
		{"percent", `{"a":"b"}`, "application/json", "Euro%20%E2%82%AC%20%zz", "Euro € %zz", "a", "b"},
		{"quotes", `{"a":"b"}`, "", `"a \"b\" c"`, `a "b" c`, "a", "b"},
		{"text", `{"a":"b"}`, "text/plain", "u", "u", "data", `{"a":"b"}`},
		{"no type and no JSON", `hello`, "", "u", "u", "data", "hello"},
		{"bytes", "\x00\xff", "image/png", "u", "u", "data_base64", "AP8="},
		{"no data", "", "", "u", "u", "data", "(none)"},
		{"repeated in a structured one", whole + "}", "application/cloudevents+json", "another", "u", "data", "(none)"},
	} {
		r := ingesttest.Call(http.MethodPost, "/", c.body, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "t", "Ce-Subject", c.subject)
		if r.Key = "k"; c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		if e, code := ingesttest.One(t, p, r); code != "" || e.UserID != c.user || text(e, c.property) != c.want {
			t.Errorf("%s: %s %q %q", c.name, code, e.UserID, text(e, c.property))
		}
	}
}

// TestIDs: ids are unique within their source only, and as long as they like.
func TestIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range [][2]string{
		{"/s", "1"}, {"/s", "2"}, {"/t", "1"}, {"/" + strings.Repeat("s", 300), "1"}, {"/" + strings.Repeat("s", 300), "2"},
	} {
		body := `{"specversion":"1.0","type":"t","subject":"u","source":"` + c[0] + `","id":"` + c[1] + `"}`
		e, code := ingesttest.One(t, p, ingesttest.Request("/", []byte(body)))
		if code != "" || ids[e.ID] {
			t.Errorf("%v: %s %s", c, code, e.ID)
		}
		ids[e.ID] = true
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ body, code string }{
		{`{"event":"a"}`, "no_cloudevent"}, {`7`, "not_object"}, {`{`, "malformed_json"}, {`[` + strings.Repeat("1,", 10_000) + `1]`, "too_many_events"},
	} {
		_, err := ingest.Decode(p, ingesttest.Request("/", []byte(c.body)))
		if e, ok := err.(*event.Error); !ok || e.Code != c.code { //nolint:errorlint // a decoder's error is this one
			t.Errorf("%.20s: %v", c.body, err)
		}
	}
	r := ingesttest.Call(http.MethodPost, "/", `{`, "Ce-Specversion", "1.0", "Content-Type", "application/json")
	if _, err := ingest.Decode(p, r); event.KindOf(err) != event.Invalid {
		t.Errorf("broken data: %v", err)
	}
	if _, err := ingest.Decode(p, ingesttest.Request("/", []byte(`[]`))); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

func TestAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	p.Answer(w, nil, &ingest.Sink{})
	if w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("accepted: %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	p.Answer(w, nil, &ingest.Sink{Results: []ingest.Result{{Code: "a", Reason: "b\"\n"}, {Code: "c"}}})
	if want := `{"accepted":0,"rejected":2,"errors":[{"index":0,"code":"a","reason":"b\"\n"},{"index":1,"code":"c","reason":""}]}` + "\n"; w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("dead: %d %s", w.Code, w.Body)
	}
}

func FuzzCloudEvents(f *testing.F) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "\n\n")
		f.Add("u", "", []byte(body))
	}
	f.Add(`"a%20b"`, "text/plain", []byte("hello"))
	f.Add("%ff", "application/json", []byte(`{"a":[1,{"b":null}]}`))
	f.Fuzz(func(t *testing.T, subject, kind string, body []byte) {
		ingesttest.Rules(t, p, ingesttest.Request("/", body))
		r := ingesttest.Request("/", body)
		r.Header = http.Header{
			"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {"t"}, "Ce-Anonymousid": {"a"},
			"Ce-Subject": {subject}, "Content-Type": {kind}, "Ce-" + kind: {subject},
		}
		ingesttest.Rules(t, p, r)
	})
}
