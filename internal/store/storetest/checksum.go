package storetest

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// sumOfSums is the same for all stores, and for all time: a store may be compared with one of another engine or version.
const sumOfSums uint64 = 0x698ce5c389e30687

// checksums do not depend on the engine, on commits or on what the store has made of the rows, and see a single value that is another.
func checksums(t *testing.T, a Adapter) {
	sums := func(change bool, each eventlog.Position) (sum uint64, days int) {
		s := a.Open(t, t.TempDir())
		defer closed(t, s)
		h := newHistory(5)
		h.grow(600)
		if change {
			h.items[300].e.Context.Locale += "!"
		}
		for from := eventlog.Position(0); from < 600; from += each {
			h.give(t, s, from, min(from+each, 600))
			if from%250 == 0 {
				a.Settle(t, s)
			}
		}
		for project := store.ProjectID(1); project <= projects; project++ {
			c := cut(t, s, project)
			found, err := store.Checksums(context.Background(), c, math.MinInt64)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				days++
				sum += xxhash.Sum64String(fmt.Sprint(project, d))
			}
			c.Close()
		}
		return sum, days
	}
	first, days := sums(false, 50)
	if again, _ := sums(false, 600); again != first || days < 2 {
		t.Errorf("%x in steps, %x at once, %d days", first, again, days)
	}
	if other, _ := sums(true, 50); other == first {
		t.Error("another value has the same sum")
	}
	if first != sumOfSums {
		t.Errorf("%#x, want %#x", first, sumOfSums)
	}
}
