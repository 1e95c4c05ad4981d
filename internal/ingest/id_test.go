package ingest_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/ingest"
)

func TestScopedID(t *testing.T) {
	const uuid = "1334c4ca-fa5a-4cd9-aedd-df63fc58baec"
	if got := ingest.ScopedID(uuid, "device"); got != uuid {
		t.Errorf("a random UUID became %s", got)
	}
	for _, id := range []string{"order-17", strings.ToUpper(uuid), "6ba7b810-9dad-51d1-80b4-00c04fd430c8", strings.Repeat("x", 5000)} {
		a, b := ingest.ScopedID(id, "a", "bc"), ingest.ScopedID(id, "ab", "c")
		if a == b || a != ingest.ScopedID(id, "a", "bc") || len(a) > 256 {
			t.Errorf("%.40s: %s and %s", id, a, b)
		}
		if len(id) < 100 && !strings.HasPrefix(a, id+".") {
			t.Errorf("%s cannot be seen in %s", id, a)
		}
	}
	if ingest.ScopedID(strings.Repeat("x", 5000)) == ingest.ScopedID(strings.Repeat("x", 5001)) {
		t.Error("long ids are one")
	}
}

func TestMomentID(t *testing.T) {
	v := parse(t, `{"event":"click"}`)
	var s ingest.Sink
	a, b := ingest.Request{ReceivedAt: 1}, ingest.Request{ReceivedAt: 2}
	first, again, later := a.MomentID(v, &s), a.MomentID(v, &s), b.MomentID(v, &s)
	if first != again || first == later {
		t.Error("a moment is not what makes the id")
	}
}
