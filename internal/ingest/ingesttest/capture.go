package ingesttest

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Call is a Request without a key, with the given method and target, such as "/i?e=pv", and headers in pairs.
func Call(method, target, body string, headers ...string) *ingest.Request {
	path, search, _ := strings.Cut(target, "?")
	r := Request("/"+strings.Trim(path, "/"), []byte(body))
	r.Method, r.Key = method, ""
	if search != "" {
		r.Query, _ = url.ParseQuery(search)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// Captures compares what every request of testdata/*.http becomes: see Golden. A capture has the request line of a real
// SDK, its headers, an empty line and the body, decompressed.
func Captures(t *testing.T, p ingest.Protocol) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			Rules(t, p, Capture(t, file))
			Golden(t, p, Capture(t, file), file)
		})
	}
}

// Capture reads a captured request.
func Capture(t testing.TB, file string) *ingest.Request {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(text), "\n\n")
	line, rest, _ := strings.Cut(head, "\n")
	method, target, found := strings.Cut(line, " ")
	target, _, _ = strings.Cut(target, " ")
	if !ok || !found {
		t.Fatalf("%s is no request", file)
	}
	var headers []string
	for field := range strings.Lines(rest) {
		name, value, _ := strings.Cut(strings.TrimSpace(field), ": ")
		headers = append(headers, name, value)
	}
	return Call(method, target, strings.TrimSuffix(body, "\n"), headers...)
}

// Replayable checks that the bytes of every dead letter of a request are one event again behind Protocol.Envelope, and
// are set aside for the same reason.
func Replayable(t testing.TB, p ingest.Protocol, r *ingest.Request) {
	t.Helper()
	_, dead := Decode(t, p, r)
	for _, d := range dead {
		again := Call(http.MethodPost, p.Paths()[0], string(p.Envelope(bytes.Clone(d.Body))))
		again.Key = "replay"
		if events, letters := Decode(t, p, again); len(events) != 0 || len(letters) != 1 || letters[0].Code != d.Code {
			t.Errorf("set aside as %s, tried again: %+v %+v\n%s", d.Code, events, letters, again.Body)
		}
	}
}

// One decodes a request of one event by the rules, and returns it with its dead letter's code, which is empty when it was
// taken. What came beside it is left out.
func One(t testing.TB, p ingest.Protocol, r *ingest.Request) (event.Event, string) {
	t.Helper()
	Rules(t, p, r)
	Replayable(t, p, r)
	events, dead := Decode(t, p, r)
	if len(dead) > 0 {
		return event.Event{}, dead[0].Code
	}
	if len(events) == 0 {
		t.Fatal("no event")
	}
	return events[len(events)-1], ""
}
