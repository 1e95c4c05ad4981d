package duckdb

import (
	"context"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
)

// TestOverflows: questions look for properties in the overflow only in projects that have one, in memory, ahead or on disk, and
// also after a start.
func TestOverflows(t *testing.T) {
	flat, nested := event.Property{Key: "flat", Type: event.String, Str: "x"}, event.Property{Key: "nested", Type: event.JSON, Str: `[1]`}
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { _ = s.Close() }()
	want := func(when string, overflow bool) {
		t.Helper()
		c, err := s.Cut(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.Schema().NoOverflow == overflow {
			t.Errorf("%s: no overflow is %v", when, !overflow)
		}
	}
	again := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
	want("without events", false)
	fillWith(t, s, 0, 10, flat)
	want("in memory", false)
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	want("on disk", false)
	again()
	want("after a start", false)

	ahead := event.Event{Name: "buy", ID: "ahead", Properties: []event.Property{nested}}
	ahead.Derived = event.Derived{Position: 20, Person: 1}
	s.Preview(1, time.UTC, "native", &ahead)
	want("before an overflow is shown", false)
	s.ShowPreview(21)
	want("with an overflow ahead", true)
	s.EndPreview()
	again()
	want("after a start without it", false)

	old, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	fillWith(t, s, 10, 10, nested)
	want("with an overflow in memory", true)
	if !old.Schema().NoOverflow {
		t.Error("a cut of before changed")
	}
	old.Close()
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	want("with an overflow on disk", true)
	again()
	want("with an overflow after a start", true)
}
