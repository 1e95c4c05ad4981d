package disk

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/eventlog"
)

// TestBehind tells of a reader that is more than a quarter of the tail behind for as long as it is, and of no other.
func TestBehind(t *testing.T) {
	const limit = 10_000
	l := mustOpen(t, Options{Dir: "log", FS: vfs.NewMem(), TailBytes: limit})
	add := func(n int, want bool, what string) {
		t.Helper()
		for range n {
			appendOne(t, l, strings.Repeat("x", limit/10), 1)
		}
		if l.Behind() != want {
			t.Fatalf("behind: %v %s", !want, what)
		}
	}
	next := func(sub eventlog.Subscription) {
		t.Helper()
		if _, err := sub.Next(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
	}
	add(20, false, "when nobody reads")
	_, end := l.Bounds()
	slow, err := l.SubscribeUnpaced(end)
	if err != nil {
		t.Fatal(err)
	}
	add(1, false, "of a reader that is not waited for")
	next(slow)
	add(8, false, "of a reader that is not waited for")
	_, end = l.Bounds()
	sub, err := l.Subscribe(end)
	if err != nil {
		t.Fatal(err)
	}
	add(1, false, "before it reads")
	next(sub)
	add(1, false, "within a quarter of the tail")
	add(1, true, "past a quarter of the tail")
	next(sub)
	add(0, false, "when it has gone on")
	add(1, true, "past a quarter of the tail again")
	add(10, false, "past the tail, when it has to read from the files")
	if err := errors.Join(sub.Close(), slow.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
}
