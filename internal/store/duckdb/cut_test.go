package duckdb

import (
	"context"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// TestIDsAreText: an id that is a UUID comes back as the text it was, from memory and from disk.
func TestIDsAreText(t *testing.T) {
	const id = "0b54a1ce-5e45-4c4b-9f8b-3cf1d3b0a001"
	s := open(t, t.TempDir())
	defer s.Close()
	e := event.Event{Name: "buy", ID: id, UserID: "u"}
	e.Derived.Key, _ = event.KeyOf(id)
	s.Add(1, time.UTC, "native", &e)
	if err := s.Commit(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, "id", "id"); got != id {
		t.Errorf("in memory: %q", got)
	}
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, "id", "id"); got != id {
		t.Errorf("on disk: %q", got)
	}
}
