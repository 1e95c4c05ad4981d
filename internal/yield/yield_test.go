package yield_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/yield"
)

// pass lets the bubble's clock go on.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // nobody waits: it sets the bubble's clock

func TestGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f yield.Foreground
		b := f.Background()
		waited := func() time.Duration {
			began := time.Now()
			b.Yield(t.Context())
			return time.Since(began)
		}
		if d := waited(); d != 0 {
			t.Fatalf("waited %s for nobody", d)
		}
		// Two overlap: the work waits for the last one.
		for _, long := range []time.Duration{300 * time.Millisecond, 700 * time.Millisecond} {
			end := f.Begin()
			time.AfterFunc(long, end)
		}
		if d := waited(); d != 700*time.Millisecond {
			t.Fatalf("waited %s for questions of 0.7 s", d)
		}
		end := f.Begin()
		if d := waited(); d != 1300*time.Millisecond {
			t.Fatalf("waited %s with 1.3 s left", d)
		}
		if d := waited(); d != 0 {
			t.Fatalf("waited %s with nothing left", d)
		}
		pass(100 * time.Millisecond)
		if d := waited(); d != 200*time.Millisecond {
			t.Fatalf("waited %s after working for 0.1 s", d)
		}
		end()
		pass(time.Hour)
		defer f.Begin()()
		if d := waited(); d != 2*time.Second {
			t.Fatalf("waited %s after an hour", d)
		}
	})
}

// TestAThirdIsLeft: work goes on however many questions there are.
func TestAThirdIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f yield.Foreground
		defer f.Begin()()
		b := f.Background()
		began, worked := time.Now(), time.Duration(0)
		for time.Since(began) < time.Minute {
			b.Yield(t.Context())
			pass(50 * time.Millisecond)
			worked += 50 * time.Millisecond
		}
		if worked < 18*time.Second || worked > 22*time.Second {
			t.Fatalf("worked %s of a minute", worked)
		}
	})
}

func TestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f yield.Foreground
		defer f.Begin()()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		f.Background().Yield(ctx)
		if d := time.Since(began); d != time.Second {
			t.Fatalf("waited %s", d)
		}
		var none *yield.Background
		none.Yield(ctx)
	})
}

func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f yield.Foreground
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					end := f.Begin()
					pass(time.Millisecond)
					end()
				}
			})
			b := f.Background()
			wg.Go(func() {
				for range 100 {
					b.Yield(t.Context())
					pass(time.Millisecond)
				}
			})
		}
		wg.Wait()
		began := time.Now()
		f.Background().Yield(t.Context())
		if time.Since(began) != 0 {
			t.Fatal("nobody is left")
		}
	})
}
