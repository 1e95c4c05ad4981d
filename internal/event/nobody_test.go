package event

import (
	"strings"
	"testing"
)

func TestNobody(t *testing.T) {
	for _, id := range []string{
		"", " ", "null", "NULL", "undefined", "0", "000", "NaN", "[object Object]", "Anonymous",
		"guest", "none", "unknown", "true", "FALSE", "00000000-0000-0000-0000-000000000000", "\"\"", " null ", "(null)", "-",
		"0.0", "{00000000-0000-0000-0000-000000000000}", strings.Repeat("0", 400),
	} {
		if !Nobody(id) {
			t.Errorf("%q names somebody", id)
		}
	}
	for _, id := range []string{
		"u", "1", "10", "00000000-0000-0000-0000-000000000001", "nullable", "anonymous@example.org",
		"guests", "0b54a1ce-5e45-4c4b-9f8b-3cf1d3b0a001", "Nan Goldin", "none of your business, really",
	} {
		if Nobody(id) {
			t.Errorf("%q names nobody", id)
		}
	}
}

// TestOwnNumber: the first id that names somebody counts, in the order of user, anonymous and device.
func TestOwnNumber(t *testing.T) {
	for _, x := range []struct {
		user, anonymous, device string
		want                    uint64
	}{
		{"u", "a", "d", IDNumber(SpaceUser, "u")},
		{"", "a", "d", IDNumber(SpaceAnonymous, "a")},
		{"null", "a", "d", IDNumber(SpaceAnonymous, "a")},
		{"null", "0", "d", IDNumber(SpaceDevice, "d")},
		{"null", "", "00000000-0000-0000-0000-000000000000", 0},
	} {
		if got := OwnNumber(x.user, x.anonymous, x.device); got != x.want {
			t.Errorf("%q, %q, %q: %d, want %d", x.user, x.anonymous, x.device, got, x.want)
		}
	}
}
