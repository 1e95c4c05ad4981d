package ingest

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestLineIsFair keeps any parties waiting for any time: what each has had differs from its part by no more than one request
// of each. One that comes anew is served before anybody has a second turn.
func TestLineIsFair(t *testing.T) {
	const largest = 1000
	rapid.Check(t, func(t *rapid.T) {
		var l line
		size := rapid.IntRange(1, largest)
		all := make([]*party, rapid.IntRange(2, 8).Draw(t, "parties"))
		for i := range all {
			all[i] = &party{weight: float64(rapid.IntRange(1, 4).Draw(t, "weight"))}
			l.join(all[i])
		}
		had := map[*party]float64{}
		for range rapid.IntRange(1, 300).Draw(t, "turns") {
			p, bytes := l.first(nil), size.Draw(t, "bytes")
			l.served(p, bytes, true)
			had[p] += float64(bytes) / p.weight
		}
		for _, a := range all {
			for _, b := range all {
				if had[a]-had[b] > largest/a.weight+largest/b.weight {
					t.Fatalf("%.0f and %.0f bytes by weights %v and %v", had[a], had[b], a.weight, b.weight)
				}
			}
		}
		newcomer, turns := &party{weight: 1}, map[*party]int{}
		l.join(newcomer)
		for p := l.first(nil); p != newcomer; p = l.first(nil) {
			l.served(p, size.Draw(t, "bytes"), true)
			if turns[p]++; turns[p] > 1 {
				t.Fatal("a second turn before the newcomer's first")
			}
		}
	})
}

// TestTurnsGoRound lets one address of a project fill the queue of a single slot: the request of another project, or of
// another address, comes next but one.
func TestTurnsGoRound(t *testing.T) {
	t.Run("projects", func(t *testing.T) { goRound(t, 2, 1) })
	t.Run("addresses", func(t *testing.T) { goRound(t, 1, 2) })
}

func goRound(t *testing.T, project uint32, source uint64) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, nil, 1, nil)
		var work sync.WaitGroup
		var served atomic.Int32
		ask := func(project uint32, source uint64, other bool) {
			t0, err := g.enter(project, source)
			if err != nil {
				t.Error(err)
				return
			}
			defer t0.leave()
			waited, err := t0.wait(1000)
			if err != nil {
				t.Error(err)
				return
			}
			defer t0.done()
			if other && (served.Load() > 2 || waited > 20*time.Millisecond) {
				t.Errorf("it waited %s, for %d others", waited, served.Load())
			}
			served.Add(1)
			<-time.After(10 * time.Millisecond)
		}
		for range 50 {
			work.Go(func() { ask(1, 1, false) })
		}
		synctest.Wait()
		work.Go(func() { ask(project, source, true) })
		work.Wait()
		if g.waiting != 0 || g.busy != 0 || len(g.line.waiting) != 0 {
			t.Errorf("%d wait, %d have a turn, %d in the line", g.waiting, g.busy, len(g.line.waiting))
		}
	})
}

// TestLargeLeaveATurn has large bodies take all the turns that they may: a small one does not wait for them.
func TestLargeLeaveATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, nil, 3, nil)
		var work sync.WaitGroup
		for i := range uint64(6) {
			work.Go(func() {
				t0, err := g.enter(1, i)
				if err != nil {
					t.Error(err)
					return
				}
				defer t0.leave()
				if waited, err := t0.wait(2 * largeBytes); err != nil || waited > 600*time.Millisecond {
					t.Errorf("a large one waited %s: %v", waited, err)
					return
				}
				defer t0.done()
				<-time.After(300 * time.Millisecond)
			})
		}
		synctest.Wait()
		for _, project := range []uint32{1, 2} {
			t0, err := g.enter(project, 9)
			if err != nil {
				t.Fatal(err)
			}
			if waited, err := t0.wait(1); err != nil || waited != 0 {
				t.Errorf("the small one of project %d waited %s: %v", project, waited, err)
			}
			t0.done()
			t0.leave()
		}
		work.Wait()
		if g.large != 0 || g.busy != 0 || g.waiting != 0 {
			t.Errorf("%d large, %d busy, %d wait", g.large, g.busy, g.waiting)
		}
	})
}

// TestTurnIsNotWaitedForLong has a slot that is never free: who waits is told so in time, and leaves nothing behind.
func TestTurnIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(time.Now, nil, 1, nil)
		g.slots = 0
		var work sync.WaitGroup
		for i := range uint32(10) {
			work.Go(func() {
				t0, err := g.enter(i%3, uint64(i))
				if err != nil {
					t.Error(err)
					return
				}
				defer t0.leave()
				began := time.Now()
				if _, err := t0.wait(1); err == nil || time.Since(began) != turnTimeout {
					t.Errorf("%v after %s", err, time.Since(began))
				}
			})
		}
		work.Wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.waiting != 0 || g.working != 0 || len(g.line.waiting) != 0 || g.oldest(time.Now()) != 0 {
			t.Errorf("%d wait, %d work, %d in the line", g.waiting, g.working, len(g.line.waiting))
		}
	})
}

// TestBehindHoldsTheLargest has a reader of the log that is behind: who sends most waits for it, though not for ever, and who
// sends little does not.
func TestBehindHoldsTheLargest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var behind atomic.Bool
		g := newGate(time.Now, nil, 1, behind.Load)
		wait := func(project uint32, bytes int) time.Duration {
			t.Helper()
			t0, err := g.enter(project, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer t0.leave()
			waited, err := t0.wait(bytes)
			if err != nil {
				t.Fatal(err)
			}
			t0.done()
			return waited
		}
		wait(1, 1<<20)
		wait(2, 1<<10)
		behind.Store(true)
		if d := wait(2, 1<<10); d != 0 {
			t.Errorf("the small one waited %s", d)
		}
		if d := wait(1, paceBytes); d <= 0 || d > paceEvery {
			t.Errorf("the first large one waited %s for a reader that stands still, want %s", d, paceEvery)
		}
		if d := wait(1, 1<<10); d < paceMost || d > paceMost+paceEvery {
			t.Errorf("the one after it waited %s, want %s", d, paceMost)
		}
		wait(1, paceBytes)
		time.AfterFunc(20*time.Millisecond, func() { behind.Store(false) })
		if d := wait(1, 1<<20); d < 20*time.Millisecond || d > 20*time.Millisecond+paceEvery {
			t.Errorf("the large one waited %s for a reader that went on after 20ms", d)
		}
		if g.unpaced != 3 {
			t.Errorf("%d passed it, want 3", g.unpaced)
		}
	})
}

// TestTrickle floods while a reader stands still: what passes is the trickle, and it passes evenly.
func TestTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bytes, lasts = 40 << 10, 2 * time.Second
		g := newGate(time.Now, nil, 2, func() bool { return true })
		var work sync.WaitGroup
		var mu sync.Mutex
		var most time.Duration
		passed := 0
		last := time.Now()
		for range 16 {
			work.Go(func() {
				for end := time.Now().Add(lasts); time.Now().Before(end); {
					t0, err := g.enter(1, 1)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := t0.wait(bytes); err != nil {
						t.Error(err)
					}
					mu.Lock()
					most, last = max(most, time.Since(last)), time.Now()
					passed += bytes
					mu.Unlock()
					<-time.After(time.Millisecond)
					t0.done()
					t0.leave()
				}
			})
		}
		work.Wait()
		if per := float64(passed) / lasts.Seconds(); per < 0.9*paceBytes || per > 1.1*paceBytes {
			t.Errorf("%.0f bytes a second pass, want %d", per, paceBytes)
		}
		if most > 3*paceEvery {
			t.Errorf("nothing passed for %s", most)
		}
	})
}
