package duckdb

import (
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/store"
)

// Rows that are read while others are appended share no byte with them. Without that the race detector tells.
func TestViewIsNotWritten(t *testing.T) {
	rows := func() *column {
		c := &column{typ: store.Boolean}
		c.boolean(0, true)
		c.boolean(2, true)
		return c
	}
	c := rows()
	view := *c
	view.settle()
	var writer sync.WaitGroup
	writer.Go(func() { c.extend(3, rows()) })
	for r, want := range []bool{true, false, true} {
		if view.has(r) != want || want && view.words[0]>>r&1 != 1 {
			t.Errorf("row %d: %v", r, view.has(r))
		}
	}
	writer.Wait()
	if !c.has(3) || c.has(4) || !c.has(5) {
		t.Error("what was appended is not there")
	}
}
