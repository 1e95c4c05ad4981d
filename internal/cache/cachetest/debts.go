package cachetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/cache"
)

// RunDebts runs the suite of debts. open makes as many processes as it is told, which share debts that nobody else has.
func RunDebts(t *testing.T, open func(t *testing.T, processes int) []cache.Debts) {
	t.Run("add up", func(t *testing.T) {
		all := open(t, 2)
		one, other := all[0], all[1]
		for i, step := range []struct {
			who  cache.Debts
			a, b time.Duration
			// sumA and sumB are what is owed, but for what was paid meanwhile.
			sumA, sumB time.Duration
		}{
			{one, time.Minute, 0, time.Minute, 0},
			{other, time.Minute, 10 * time.Minute, 2 * time.Minute, 10 * time.Minute},
			{one, 0, 0, 2 * time.Minute, 10 * time.Minute},
			{one, 3 * time.Millisecond, 5 * time.Minute, 2 * time.Minute, 15 * time.Minute},
			{other, 0, 0, 2 * time.Minute, 15 * time.Minute},
		} {
			began := time.Now()
			now := add(t, step.who, cache.Debt{Key: "a/1", Of: step.a}, cache.Debt{Key: "b/1", Of: step.b})
			took := time.Since(began) + soon
			for k, want := range []time.Duration{step.sumA, step.sumB} {
				if now[k] > want+time.Second || now[k] < want-took {
					t.Errorf("step %d: debt %d is %s, not %s", i, k, now[k], want)
				}
			}
		}
	})
	t.Run("are paid by time", func(t *testing.T) {
		d := open(t, 1)[0]
		began := time.Now()
		first := add(t, d, cache.Debt{Key: "a", Of: time.Minute})[0]
		for last := first; ; {
			now := add(t, d, cache.Debt{Key: "a"})[0]
			if now > last {
				t.Fatalf("it was %s and is %s, and nobody has added anything", last, now)
			}
			if last = now; first-now > 20*time.Millisecond {
				break
			}
		}
		if left := add(t, d, cache.Debt{Key: "a"})[0]; first-left > time.Since(began)+time.Second {
			t.Errorf("%s were paid in %s", first-left, time.Since(began))
		}
		add(t, d, cache.Debt{Key: "short", Of: time.Millisecond})
		await := time.After(soon)
		for add(t, d, cache.Debt{Key: "short"})[0] > 0 {
			select {
			case <-await:
				t.Fatal("a debt of a millisecond is never paid")
			default:
			}
		}
	})
	t.Run("have an end", func(t *testing.T) {
		d := open(t, 1)[0]
		add(t, d, cache.Debt{Key: "a", Of: cache.LongestDebt + time.Hour})
		if now := add(t, d, cache.Debt{Key: "a", Of: time.Minute})[0]; now > time.Minute+time.Second {
			t.Errorf("a debt that is longer than any may be is still there: %s", now)
		}
	})
	t.Run("of many at once", func(t *testing.T) {
		d := open(t, 1)[0]
		const keys = 1234
		var more []cache.Debt
		for i := range keys {
			more = append(more, cache.Debt{Key: fmt.Sprintf("project/%d/100", i), Of: time.Duration(i) * time.Second})
		}
		for i, now := range add(t, d, more...) {
			if want := time.Duration(i) * time.Second; now > want+time.Second || now < want-soon {
				t.Fatalf("debt %d is %s", i, now)
			}
		}
	})
	t.Run("count who shares them", func(t *testing.T) {
		all := open(t, 3)
		for i, d := range all {
			for range 2 {
				if _, n, err := d.Add(t.Context(), nil); err != nil || n != i+1 {
					t.Errorf("%d processes, and there are %d: %v", n, i+1, err)
				}
			}
		}
		end := time.After(soon)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; n != 1; {
			select {
			case <-end:
				t.Fatal("those who call no more are counted for ever")
			case <-tick.C:
				_, n, _ = all[0].Add(t.Context(), nil)
			}
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		all := open(t, 4)
		const times = 50
		var work sync.WaitGroup
		began := time.Now()
		for _, d := range all {
			work.Go(func() {
				for range times {
					if _, _, err := d.Add(t.Context(), []cache.Debt{{Key: "a", Of: time.Second}}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		work.Wait()
		now := add(t, all[0], cache.Debt{Key: "a"})[0]
		if sum := time.Duration(times*len(all)) * time.Second; now > sum || now < sum-time.Since(began)-time.Second {
			t.Errorf("%s, and %s were added", now, sum)
		}
	})
}

func add(t *testing.T, d cache.Debts, more ...cache.Debt) []time.Duration {
	t.Helper()
	now, n, err := d.Add(t.Context(), more)
	if err != nil || n < 1 || len(now) != len(more) {
		t.Fatalf("%d debts of %d, %d processes: %v", len(now), len(more), n, err)
	}
	return now
}
