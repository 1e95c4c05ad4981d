package store_test

import (
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// FuzzParseTime: text that becomes a time is the text again when it is printed, so that no value is changed by it.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"2026-04-01T12:00:00.000Z", "2026-04-01T12:00:00,000Z", "0000-01-01T00:00:00.000Z", "0001-01-01T00:00:00.001Z",
		"9999-12-31T23:59:59.999Z", "2026-02-30T12:00:00.000Z", "2016-12-31T23:59:60.000Z", "2026-04-01T24:00:00.000Z", "+026-04-01T12:00:00.000Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		us, ok := store.ParseTime(s)
		if ok && time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000Z") != s {
			t.Fatalf("%q became %s", s, time.UnixMicro(us).UTC())
		}
		typ, _ := store.TypeOf(&event.Property{Type: event.String, Str: s})
		if (typ == store.Time) != ok {
			t.Fatalf("%q is of type %d", s, typ)
		}
	})
}
