package disk

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestPace holds commits back for a reader that is half the tail behind, until it has gone on or has had its time, and
// for no other reader.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10_000
		l := mustOpen(t, Options{Dir: "log", FS: vfs.NewMem(), TailBytes: limit})
		payload := strings.Repeat("x", limit/10)
		took := func() time.Duration {
			began := time.Now()
			appendOne(t, l, payload, 1)
			return time.Since(began)
		}
		for range 20 {
			if d := took(); d != 0 {
				t.Fatalf("an append that nobody reads took %v", d)
			}
		}
		_, end := l.Bounds()
		sub, err := l.Subscribe(end)
		if err != nil {
			t.Fatal(err)
		}
		next := func() {
			if _, err := sub.Next(context.Background(), 1); err != nil {
				t.Fatal(err)
			}
		}
		took()
		next()
		for range 4 {
			if d := took(); d != 0 {
				t.Fatalf("an append within half the tail took %v", d)
			}
		}
		if d := took(); d != paceMost {
			t.Fatalf("an append ahead of a reader that does not move took %v, want %v", d, paceMost)
		}
		done := make(chan time.Duration)
		go func() { done <- took() }()
		<-time.After(paceMost / 5)
		for range 3 {
			next()
		}
		if d := <-done; d != paceMost/5 {
			t.Fatalf("an append took %v, the reader went on after %v", d, paceMost/5)
		}
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if d := took(); d != 0 {
				t.Fatalf("an append took %v after the reader had gone", d)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
