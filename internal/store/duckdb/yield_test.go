package duckdb

import (
	"context"
	"testing"
)

// TestFlushGivesWay: between two pieces of a flush others may have their turn, but not when commits would soon have to
// wait for it.
func TestFlushGivesWay(t *testing.T) {
	for _, test := range []struct {
		name      string
		flushRows int
		yields    bool
	}{
		{"few rows wait", 4 * sortedRows, true},
		{"rows pile up", sortedRows, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			times := 0
			s, err := Open(t.Context(), Options{Dir: t.TempDir(), FlushRows: test.flushRows, Yield: func(context.Context) { times++ }})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			s.idle()
			// Two pieces, the second of one row.
			fill(t, s, 1, sortedRows+1)
			fill(t, s, sortedRows+2, sortedRows-1)
			if err := s.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if yields := times > 0; yields != test.yields {
				t.Fatalf("gave way %d times", times)
			}
		})
	}
}
