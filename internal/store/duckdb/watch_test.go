package duckdb

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestWatchedStatementTellsHowFarItIs runs a statement that would take seconds, until it tells that something is done.
func TestWatchedStatementTellsHowFarItIs(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := got.(*cut)
	if _, known := c.Fraction(); known {
		t.Error("a fraction of a cut that nobody watches")
	}
	if err := c.Watch(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.ExecContext(ctx, "CREATE TEMP TABLE numbers AS SELECT i FROM range(5000000) t(i)"); err != nil {
		t.Fatal(err)
	}
	seen := make(chan float64, 1)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		defer cancel()
		for range tick.C {
			if f, known := c.Fraction(); known && f > 0 || ctx.Err() != nil {
				seen <- f
				return
			}
		}
	}()
	for _, err := range c.Rows(ctx, "SELECT max(md5(repeat(CAST(i AS TEXT), 200))) FROM numbers") {
		if err == nil {
			t.Error("it ended")
		} else if !errors.Is(ctx.Err(), context.Canceled) {
			t.Error(err)
		}
	}
	if f := <-seen; f <= 0 || f >= 1 {
		t.Errorf("%v is done", f)
	}
	c.Close()
	if _, known := c.Fraction(); known {
		t.Error("a fraction of a cut that is closed")
	}
}
