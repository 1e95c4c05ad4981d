package duckdb

import (
	"context"
	"testing"
)

// TestCrew: threads are there while somebody asks and gone afterwards, and the driver still keeps its database where the
// crew looks for it.
func TestCrew(t *testing.T) {
	s := open(t, t.TempDir())
	fill(t, s, 0, 10)
	lent := func() int {
		s.crew.mu.Lock()
		defer s.crew.mu.Unlock()
		return len(s.crew.states)
	}
	s.crew.size = 3
	var cuts []func()
	for range 3 {
		c, err := s.Cut(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		cuts = append(cuts, c.Close)
		var n any
		for row, err := range c.Rows(context.Background(), "SELECT sum(range) FROM range(3000000)") {
			if err != nil {
				t.Fatal(err)
			}
			n = row[0]
		}
		if n != int64(4499998500000) || lent() != 3 {
			t.Fatal(n, lent())
		}
	}
	for _, end := range cuts {
		end()
	}
	if lent() != 0 {
		t.Fatal("threads are lent, though nobody asks")
	}
	// Coming and going at once, a thread can take the wake-up that was meant for another.
	for range 200 {
		s.crew.join()
		s.crew.leave()
	}
	within(t, "a thread", s.crew.dismiss)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
