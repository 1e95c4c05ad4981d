package disk

import (
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
)

// TestBegin begins a log far from 0: it has nothing, whether it was opened before or not, and goes on from there.
func TestBegin(t *testing.T) {
	const at = 1<<33 + 7
	dir := filepath.Join(t.TempDir(), "data", "log")
	if err := Begin(dir, at); err != nil {
		t.Fatal(err)
	}
	if c, err := Check(dir); err != nil || c.Start != at || c.End != at || len(c.Damage) > 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for n := eventlog.Position(0); n < 3; n++ {
		for range 2 {
			l, err := Open(Options{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if start, end := l.Bounds(); start != at || end != at+n {
				t.Errorf("with %d events it has %d to %d", n, start, end)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		l, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := l.Append(t.Context(), eventlog.Record{Payload: []byte("x"), Events: 1}); err != nil || p != at+n {
			t.Errorf("the event has position %d, %v", p, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
