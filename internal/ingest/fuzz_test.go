package ingest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/jsontree"
)

// smallLimits are limits that a fuzzer reaches.
func smallLimits() ingest.Limits {
	return ingest.Limits{Body: 1 << 16, Event: 400, Depth: 5, Batch: 8, Properties: 6, Name: 12, InFlight: 1 << 20}
}

// decodable decodes a body with small and with usual limits, and holds every event of it to what an event may be.
func decodable(t *testing.T, p ingest.Protocol, path string, body []byte) {
	for _, limits := range []ingest.Limits{smallLimits(), ingest.DefaultLimits()} {
		var parser jsontree.Parser
		payload, err := ingest.Decode(p, &ingest.Request{
			Path: path, Header: http.Header{}, Body: body, Key: "k", Limits: limits, Parser: &parser,
		})
		if err != nil {
			if k := event.KindOf(err); k != event.Invalid && k != event.TooLarge {
				t.Fatal(err)
			}
			continue
		}
		var d event.Decoder
		if err := d.Open(payload); err != nil || d.Items > limits.Batch {
			t.Fatal(d.Items, err)
		}
		var again event.Encoder
		again.Begin(d.Header)
		for n := 0; ; n++ {
			var e event.Event
			dead, ok, err := d.Next(&e)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				if n != d.Items {
					t.Fatalf("%d items of %d", n, d.Items)
				}
				break
			}
			if dead != nil {
				again.AddDead(*dead)
				continue
			}
			fit(t, &e, limits)
			again.Add(&e)
		}
		if !bytes.Equal(again.Payload(), payload) {
			t.Fatal("written again it is another record")
		}
	}
}

// fit holds an event to the rules.
func fit(t *testing.T, e *event.Event, limits ingest.Limits) {
	clean(t, reflect.ValueOf(e).Elem())
	if strings.TrimSpace(e.Name) == "" || e.ID == "" || len(e.Properties) > limits.Properties {
		t.Fatalf("%+v", e)
	}
	if e.Context.Extra != "" && !json.Valid([]byte(e.Context.Extra)) {
		t.Fatalf("context %s", e.Context.Extra)
	}
	for _, ps := range [][]event.Property{e.Properties, e.Traits} {
		names := map[string]bool{}
		for _, p := range ps {
			if names[p.Key+" "+p.Op.String()] || p.Num-p.Num != 0 || p.Type == event.JSON && !json.Valid([]byte(p.Str)) {
				t.Fatalf("property %+v", p)
			}
			names[p.Key+" "+p.Op.String()] = true
		}
	}
}

// clean holds every string in v to be UTF-8 without NUL.
func clean(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Fatalf("%q", s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			clean(t, v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			clean(t, v.Index(i))
		}
	default:
	}
}

func seed(f *testing.F, wire int) {
	for _, c := range catalogue {
		if body := wires[wire].body(c.has, c.at); len(body) < 4096 {
			f.Add([]byte(body))
		}
	}
}

func FuzzNative(f *testing.F) {
	seed(f, 1)
	seed(f, 2)
	f.Add([]byte(`{"events":[{"name":"a","kind":"page","user_id":7,"timestamp":"2026-01-01","traits":{"a":null},"trait_ops":{"set_once":{"a":1,"$ops":2},"unset":{"b":0}},"context":{"os":{"name":"iOS"},"x":[1]}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) { decodable(t, native.Protocol{}, "/v1/events", body) })
}

func FuzzSegment(f *testing.F) {
	seed(f, 0)
	f.Add([]byte(`{"context":{"app":{"name":"a"}},"sentAt":"2026-01-01T00:00:00Z","batch":[{"type":"identify","userId":1,"traits":{"x":1.5},"originalTimestamp":1}]}`))
	f.Add([]byte(`{"event":"e","anonymousId":"a","properties":{"$x":{"y":"\ud83d\ude00"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/v1/batch", "/v1/track", "/v1/p"} {
			decodable(t, segment.Protocol{}, path, body)
		}
	})
}

// FuzzBody sends bodies in any encoding: the answer is that the client is right or wrong, never that we are.
func FuzzBody(f *testing.F) {
	plain := []byte(`[{"event":"e","user_id":"u"}]`)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(plain)
	_ = z.Close()
	w, _ := zstd.NewWriter(nil)
	for encoding, body := range map[string][]byte{"gzip": zipped.Bytes(), "zstd": w.EncodeAll(plain, nil), "": plain, "identity": zipped.Bytes(), "br": plain} {
		f.Add(encoding, body)
	}
	f.Add("gzip", append(bytes.Clone(zipped.Bytes()), zipped.Bytes()...))
	mux, _ := server(f)
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/v1/events", bytes.NewReader(body))
		r.SetBasicAuth("good", "")
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		switch w.Code {
		case 200, 400, 413, 415:
		default:
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-04-01T12:00:00.123456789+02:00", "1795434225.62", "0001-01-01T00:00:00+15:59", "9999-12-31T23:59:60-15:59", "1e20", "3e20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		us, ok := ingest.ParseTime(s)
		if ok && (us < -62135683200e6 || us > 253402387200e6 && us > 1e17) {
			t.Fatalf("%q is %d", s, us)
		}
		v, err := new(jsontree.Parser).Parse(s)
		if err != nil {
			return
		}
		if us, ok := ingest.Time(v); ok && us > 3e17 {
			t.Fatalf("%s is %d", s, us)
		}
	})
}
