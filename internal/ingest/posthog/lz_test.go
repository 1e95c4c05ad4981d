package posthog

import (
	"testing"

	"github.com/freshet/freshet/internal/event"
)

// TestUnpackLZ reads what lz-string 1.5.0 has packed.
func TestUnpackLZ(t *testing.T) {
	for _, c := range []struct{ packed, want, code string }{
		{"IY18ZYEbL92EA===", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabababababa", ""},
		{"Q===", "", ""},
		{"", "", "bad_compression"},
		{"IY18", "", "bad_compression"},
		{"!", "", "bad_compression"},
		{"/////", "", "bad_compression"},
	} {
		got, err := unpackLZ(c.packed, 100)
		if event.KindOf(err) == event.Invalid != (c.code != "") || c.code == "" && string(got) != c.want {
			t.Errorf("%q: %q, %v", c.packed, got, err)
		}
	}
	if _, err := unpackLZ("IY18ZYEbL92EA===", 8); event.KindOf(err) != event.TooLarge {
		t.Errorf("past the limit: %v", err)
	}
}

// TestUnpackedPairs: half a pair is no character, and does not take the next one with it.
func TestUnpackedPairs(t *testing.T) {
	for want, units := range map[string][]uint16{
		"a\U0001F4A7b": {'a', 0xd83d, 0xdca7, 'b'}, "\ufffda": {0xd83d, 'a'}, "\ufffd": {0xd83d}, "\ufffd\U0001F4A7": {0xdca7, 0xd83d, 0xdca7},
	} {
		if got := (&lz{out: units}).utf8(); string(got) != want {
			t.Errorf("%x: %q, want %q", units, got, want)
		}
	}
}
