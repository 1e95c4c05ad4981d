package ingest_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/ingest"
)

// mark is a protocol that takes any request with its word in it, by POST and GET, and answers with its name.
type mark string

func (m mark) Name() string     { return string(m) }
func (mark) Paths() []string    { return []string{"/shared", "/"} }
func (mark) GetPaths() []string { return []string{"/shared"} }

func (m mark) Claims(r *ingest.Request) bool {
	return bytes.Contains(r.Body, []byte(m)) || r.Query.Get("for") == string(m)
}

func (m mark) Decode(r *ingest.Request, s *ingest.Sink) error {
	text := r.Query.Get("data")
	if form, ok := r.Form(); ok {
		text = form.Get("data")
	}
	if text == "" {
		text = string(r.Body)
	}
	v, err := r.Parse(text)
	if err != nil {
		return err
	}
	if !s.Sound(v) {
		return nil
	}
	s.Event.Name, s.Event.UserID, s.Event.ID = string(v.GetStringBytes("event")), "u", ingest.ContentID(v)
	s.Accept(v)
	return nil
}

func (m mark) Answer(w http.ResponseWriter, r *ingest.Request, _ *ingest.Sink) {
	_, _ = io.WriteString(w, string(m)+" "+r.Method+" "+r.Path)
}

func (m mark) Refuse(w http.ResponseWriter, _ *ingest.Request, e *event.Error) {
	ingest.RetryAfter(w, e)
	w.WriteHeader(e.Kind.Status())
	_, _ = io.WriteString(w, string(m)+" "+e.Code)
}

func (mark) Envelope(event []byte) []byte { return event }

// rest is a mark that claims nothing.
type rest struct{ mark }

func (rest) Claims() {}

func TestSharedPaths(t *testing.T) {
	l, err := disk.Open(disk.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	limits := ingest.DefaultLimits()
	limits.Body = 3 << 20
	h := ingest.New(ingest.Options{
		Log: l, Keys: oneKey{}, Limits: limits, Logger: slog.New(slog.DiscardHandler),
		Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now,
	})
	mux := http.NewServeMux()
	h.Register(mux, rest{"others"})
	h.Register(mux, mark("red"))
	h.Register(mux, mark("blue"))
	h.Beside(mux, "blue", http.MethodPut, "/shared", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "beside") })
	encoded := base64.StdEncoding.EncodeToString([]byte(`{"event":"red>>>??~"}`))
	for _, c := range []struct {
		method, path, encoding, body string
		status                       int
		want                         string
	}{
		{"POST", "/shared", "", `{"event":"red"}`, 200, "red POST /shared"},
		{"POST", "/shared/", "", `{"event":"blue"}`, 200, "blue POST /shared"},
		{"POST", "/shared", "", `{"event":"green"}`, 200, "others POST /shared"},
		{"POST", "/blue/shared", "", `{"event":"red"}`, 200, "blue POST /shared"},
		{"POST", "/", "", `{"event":"red"}`, 200, "red POST /"},
		{"POST", "/blue", "", `{"event":"red"}`, 200, "blue POST /"},
		{"GET", "/shared?for=blue&data=" + url.QueryEscape(`{"event":"a"}`), "", "", 200, "blue GET /shared"},
		{"POST", "/shared?for=red&data=" + url.QueryEscape(encoded), "", "", 200, "red POST /shared"},
		{"POST", "/shared?for=red", "", "data=" + encoded, 200, "red POST /shared"},
		{"POST", "/shared?for=red", "", "x=1&data=" + url.QueryEscape(encoded), 200, "red POST /shared"},
		{"POST", "/shared?for=red", "", "data=" + base64.RawURLEncoding.EncodeToString([]byte(`{"event":"red>>>??~"}`)), 200, "red POST /shared"},
		{"POST", "/shared?for=red", "", "data=!", 400, "red malformed_json"},
		{"POST", "/shared?for=red", "", "data=" + base64.StdEncoding.EncodeToString([]byte("{")), 400, "red malformed_json"},
		{"POST", "/shared?for=blue", "gzip", "no gzip", 400, "blue bad_compression"},
		{"POST", "/shared", "", "", 400, "others empty_body"},
		{"POST", "/shared?for=red", "lzma", "x", 400, "red unsupported_encoding"},
		{"POST", "/red/shared", "", "data=" + base64.StdEncoding.EncodeToString([]byte("["+strings.Repeat("1,", 1<<20))), 413, "red too_many_values"},
		{"POST", "/red/shared", "deflate", deflated(t, `{"event":"a"}`, true), 200, "red POST /shared"},
		{"POST", "/red/shared", "deflate", deflated(t, `{"event":"a"}`, false), 200, "red POST /shared"},
		{"POST", "/red/shared", "br", brotlied(t, `{"event":"a"}`), 200, "red POST /shared"},
		{"POST", "/red/shared", "br", brotlied(t, strings.Repeat(" ", 4<<20)), 413, "red body_too_large"},
		{"POST", "/red/shared", "deflate", deflated(t, strings.Repeat(" ", 4<<20), true), 413, "red body_too_large"},
		{"OPTIONS", "/shared", "", "", 204, ""},
		{"PUT", "/shared/", "", "", 200, "beside"},
		{"PUT", "/blue/shared", "", "", 200, "beside"},
		{"OPTIONS", "/red/shared/", "", "", 204, ""},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.SetBasicAuth("good", "")
		r.Header.Set("Content-Encoding", c.encoding)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s %s %.40q: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
	for _, e := range logged(t, l) {
		if e.dead != "" {
			t.Errorf("dead letter %s", e.dead)
		}
	}
}

// TestFlawInside: what is wrong with a text is seen behind base64 as well.
func TestFlawInside(t *testing.T) {
	_, h, l := handler(t)
	mux := http.NewServeMux()
	h.Register(mux, mark("red"))
	w := post(t, mux, "/red/shared", "data="+base64.StdEncoding.EncodeToString([]byte(`{"event":"a\u0000"}`)))
	if got := logged(t, l); w.Code != 200 || len(got) != 1 || got[0].dead != "nul_byte" {
		t.Fatalf("%d %+v", w.Code, got)
	}
}

func TestForm(t *testing.T) {
	multi := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nfile\r\n--b--\r\n"
	for _, c := range []struct {
		kind, body, want string
		ok               bool
	}{
		{"text/plain", "a=1&b=%7B", "a=1&b=%7B", true},
		{"application/json", "a=1", "a=1", true},
		{"application/x-www-form-urlencoded", `{"a":"b=c"}`, "", false},
		{"application/x-www-form-urlencoded", `[1]`, "", false},
		{"text/plain", "=", "", false},
		{"text/plain", "a=%zz", "", false},
		{"text/plain", "a=" + strings.Repeat("&", 10_000), "", false},
		{"multipart/form-data; boundary=b", multi, "a=1+2", true},
		{"multipart/form-data", multi, "", false},
		{"text/plain", multi, "", false},
	} {
		r := &ingest.Request{Header: http.Header{"Content-Type": {c.kind}}, Body: []byte(c.body)}
		got, ok := r.Form()
		if ok != c.ok || ok && got.Encode() != c.want {
			t.Errorf("%s %.30q: %v %v", c.kind, c.body, got, ok)
		}
	}
}

func deflated(t *testing.T, text string, wrapped bool) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	if wrapped {
		w = zlib.NewWriter(&b)
	} else if w, err = flate.NewWriter(&b, 6); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func brotlied(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
