//go:build cluster

package postgres_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/project/postgres"
	"github.com/freshet/freshet/test/postgrestest"
)

// TestLease has several processes want one lease.
func TestLease(t *testing.T) {
	server := postgrestest.Start(t)
	name := server.Create()
	ctx := t.Context()
	one, other := open(t, server.URL(name)), open(t, server.URL(name))
	mine, theirs := lease.Request{Name: "process", Holder: "mine", Place: "here"}, lease.Request{Name: "process", Holder: "theirs", Place: "there"}
	take := func(s lease.Source, r lease.Request, d time.Duration) lease.Grant {
		t.Helper()
		g, err := s.TakeLease(ctx, r, d)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	renewed := func(s lease.Source, term uint64) bool {
		t.Helper()
		held, err := s.RenewLease(ctx, "process", term, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return held
	}

	var wg sync.WaitGroup
	var first [8]lease.Grant
	for i := range first {
		wg.Go(func() {
			r := theirs
			if i%2 == 0 {
				r.Holder = string(rune('a' + i))
			}
			r.Name = "race"
			first[i], _ = open(t, server.URL(name)).TakeLease(ctx, r, time.Minute)
		})
	}
	wg.Wait()
	terms := map[uint64]bool{}
	for _, g := range first {
		if g.Term > 0 && terms[g.Term] {
			t.Errorf("two have the lease in term %d: %+v", g.Term, first)
		}
		terms[g.Term] = true
	}

	g := take(one, mine, time.Minute)
	if g.Term != 1 || g.ID == "" || !renewed(one, 1) || renewed(other, 2) {
		t.Errorf("the first takes it: %+v", g)
	}
	if no := take(other, theirs, time.Minute); no.Term != 0 || no.Place != "here" || no.ID != g.ID {
		t.Errorf("it is taken from who has it: %+v", no)
	}
	if again := take(other, mine, time.Minute); again.Term != 2 || renewed(one, 1) {
		t.Errorf("the holder takes it anew: %+v", again)
	}
	if err := other.EndLease(ctx, "process", 1); err != nil || !renewed(one, 2) {
		t.Errorf("it is given back by who had it before: %v", err)
	}
	if err := one.EndLease(ctx, "process", 2); err != nil {
		t.Fatal(err)
	}
	if place, _, err := postgres.LookLease(ctx, server.URL(name), "process"); err != nil || place != "" {
		t.Errorf("one that was given back is said to be had on %q, %v", place, err)
	}
	if place, left, err := postgres.LookLease(ctx, server.URL(name), "race"); err != nil || place != "there" || left <= 0 {
		t.Errorf("who has one looks like %q for %s, %v", place, left, err)
	}
	if place, _, err := postgres.LookLease(ctx, server.URL(server.Create()), "process"); err != nil || place != "" {
		t.Errorf("an empty database says that %q has one, %v", place, err)
	}
	theirs.Above = 40
	if g = take(other, theirs, 0); g.Term != 41 {
		t.Errorf("one that was given back is taken above 40: %+v", g)
	}
	if !renewed(other, 41) {
		t.Error("one that has run out, and is nobody else's, is not renewed")
	}
	take(other, theirs, 0)
	if g = take(one, mine, time.Minute); g.Term != 43 || renewed(other, 42) {
		t.Errorf("one that has run out is taken: %+v", g)
	}

	// A holder that stops says so, and the one that waits has it then; one whose lease is taken is told.
	waits := make(chan string, 100)
	waiting := func(place string, _ error) { waits <- place }
	quiet := slog.New(slog.DiscardHandler)
	holder, err := lease.Take(ctx, one, mine, quiet, waiting)
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan *lease.Lease)
	go func() {
		l, _ := lease.Take(context.WithoutCancel(ctx), other, theirs, quiet, waiting)
		next <- l
	}()
	if place := <-waits; place != "here" {
		t.Errorf("who waits is told that %q has it", place)
	}
	before := holder.Epoch(16)
	if at := holder.Epoch(16); at != before+16 {
		t.Errorf("epochs %d and %d", before, at)
	}
	if err := holder.Raise(ctx, before+1<<30); err != nil || holder.Epoch(1) <= before+1<<30 {
		t.Errorf("the next epoch is not above one that was found: %v", err)
	}
	if err := holder.End(ctx); err != nil {
		t.Fatal(err)
	}
	l := <-next
	if l.Epoch(1) <= before || l.ID() != holder.ID() {
		t.Error("the next holder's numbers are not above")
	}
	take(one, theirs, time.Minute) // as who has the same data folder
	<-l.Lost()
	if err := l.End(ctx); err != nil || take(open(t, server.URL(name)), mine, time.Minute).Term != 0 {
		t.Errorf("who has lost it gives it back: %v", err)
	}
}

// TestAttend has processes come and go.
func TestAttend(t *testing.T) {
	server := postgrestest.Start(t)
	name := server.Create()
	ctx := t.Context()
	one, other := open(t, server.URL(name)), open(t, server.URL(name))
	attend := func(s lease.Roll, member string, d time.Duration) lease.Present {
		t.Helper()
		p, err := s.Attend(ctx, lease.Attendance{Assembly: "all", Member: member, Leases: []string{"one", "two"}}, d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := attend(one, "a", time.Minute); !slices.Equal(p.Members, []string{"a"}) || len(p.Holders) != 0 {
		t.Errorf("the first: %+v", p)
	}
	for lease, d := range map[string]time.Duration{"one": time.Minute, "two": 0, "three": time.Minute} {
		if _, err := one.TakeLease(ctx, leaseOf(lease), d); err != nil {
			t.Fatal(err)
		}
	}
	if p := attend(other, "b", time.Minute); !slices.Equal(p.Members, []string{"a", "b"}) || !maps.Equal(p.Holders, map[string]string{"one": "a"}) {
		t.Errorf("the second: %+v", p)
	}
	if _, err := one.Attend(ctx, lease.Attendance{Assembly: "others", Member: "c"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if p := attend(one, "a", 0); !slices.Equal(p.Members, []string{"b"}) {
		t.Errorf("the first leaves: %+v", p)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() { attend(one, string(rune('a'+i)), time.Minute) })
	}
	wg.Wait()
	if p := attend(other, "b", time.Minute); len(p.Members) != 8 {
		t.Errorf("eight at once: %+v", p)
	}
}

func leaseOf(name string) lease.Request {
	return lease.Request{Name: name, Holder: "a", Place: "here"}
}
