package ingesttest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// SmallLimits are limits that a fuzzer reaches.
func SmallLimits() ingest.Limits {
	return ingest.Limits{Body: 1 << 16, Event: 400, Depth: 5, Batch: 8, Properties: 6, Name: 12, InFlight: 1 << 20}
}

// Rules decodes a request with small and with usual limits, and holds every event of it to what an event may be. An error
// is the client's, and what is taken reads back as it was written.
func Rules(t testing.TB, p ingest.Protocol, r *ingest.Request) {
	t.Helper()
	for _, limits := range []ingest.Limits{SmallLimits(), ingest.DefaultLimits()} {
		r := *r
		r.Limits, r.Parser, r.Body = limits, new(jsontree.Parser), bytes.Clone(r.Body)
		payload, err := ingest.Decode(p, &r)
		if err != nil {
			if k := event.KindOf(err); k != event.Invalid && k != event.TooLarge && k != event.Unauthorized {
				t.Fatal(err)
			}
			continue
		}
		reads(t, payload, limits)
	}
}

func reads(t testing.TB, payload []byte, limits ingest.Limits) {
	t.Helper()
	var d event.Decoder
	if err := d.Open(payload); err != nil {
		t.Fatal(err)
	}
	var again event.Encoder
	again.Begin(d.Header)
	for range d.Items {
		var e event.Event
		dead, _, err := d.Next(&e)
		switch {
		case err != nil:
			t.Fatal(err)
		case dead != nil:
			again.AddDead(*dead)
		default:
			fit(t, &e, limits)
			again.Add(&e)
		}
	}
	if !bytes.Equal(again.Payload(), payload) {
		t.Fatal("written again it is another record")
	}
}

// fit holds an event to the rules.
func fit(t testing.TB, e *event.Event, limits ingest.Limits) {
	t.Helper()
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
			if names[p.Key+p.Op.String()] || p.Num-p.Num != 0 || p.Type == event.JSON && !json.Valid([]byte(p.Str)) {
				t.Fatalf("property %+v", p)
			}
			names[p.Key+p.Op.String()] = true
		}
	}
}

// clean holds every string in v to be UTF-8 without NUL.
func clean(t testing.TB, v reflect.Value) {
	t.Helper()
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
