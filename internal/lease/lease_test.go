package lease

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// table is a Source whose clock is that of the test. What PostgreSQL makes of the same calls is tested there.
type table struct {
	mu      sync.Mutex
	holder  string
	term    uint64
	expires time.Time
	away    error
}

func (s *table) TakeLease(_ context.Context, r Request, d time.Duration) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return Grant{}, s.away
	}
	if s.holder != r.Holder && time.Now().Before(s.expires) {
		return Grant{Place: s.holder}, nil
	}
	s.holder, s.term, s.expires = r.Holder, max(s.term, r.Above)+1, time.Now().Add(d)
	return Grant{Term: s.term, ID: "lease"}, nil
}

func (s *table) RenewLease(_ context.Context, _ string, term uint64, d time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away == nil && s.term == term {
		s.expires = time.Now().Add(d)
	}
	return s.term == term, s.away
}

func (s *table) EndLease(_ context.Context, _ string, term uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.term == term {
		s.expires = time.Time{}
	}
	return s.away
}

func (s *table) leave(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

func take(t *testing.T, s Source, holder string) *Lease {
	t.Helper()
	l, err := Take(t.Context(), s, Request{Name: "work", Holder: holder}, slog.New(slog.DiscardHandler), func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func over(ctx context.Context) bool {
	synctest.Wait()
	return ctx.Err() != nil
}

// TestGuard holds until when a holder may work on what does not refuse a former one.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		l := take(t, s, "mine")
		guarded, end, err := l.Guard(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * Term)
		if over(guarded) {
			t.Fatal("it is over though the lease was renewed")
		}
		s.leave(errors.New("away"))
		<-time.After(Term / 2)
		if over(guarded) {
			t.Fatal("it is over though the lease is good")
		}
		if _, _, err := l.Guard(t.Context()); err == nil {
			t.Error("work begins though nobody knows whose the lease is")
		}
		<-time.After(Term)
		if !over(guarded) || !errors.Is(context.Cause(guarded), ErrLost) {
			t.Errorf("the lease was not renewed in time: %v", context.Cause(guarded))
		}
		end()
		s.leave(nil)
		<-time.After(renewEvery)
		again, end, err := l.Guard(t.Context())
		if err != nil || over(again) {
			t.Fatalf("the lease is renewed again: %v", err)
		}
		end()
		if !over(again) {
			t.Error("what has ended goes on")
		}
		if err := l.End(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLost has another process take the place of one that says nothing.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		l := take(t, s, "mine")
		guarded, _, err := l.Guard(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mine := l.Epoch(16)
		s.mu.Lock()
		s.expires = time.Time{} // as if this process had been stopped
		s.mu.Unlock()
		next := take(t, s, "theirs")
		<-time.After(renewEvery)
		synctest.Wait() // it renews at this very moment
		select {
		case <-l.Lost():
		default:
			t.Error("who has lost the lease is not told")
		}
		if !over(guarded) {
			t.Error("its work goes on")
		}
		if err := l.Confirm(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("it is confirmed: %v", err)
		}
		if err := l.Raise(t.Context(), 0); !errors.Is(err, ErrLost) || next.Epoch(1) <= mine {
			t.Errorf("it is taken back: %v", err)
		}
		if err := errors.Join(l.End(t.Context()), next.Confirm(t.Context()), next.End(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// TestAway has the holder keep the lease when it has run out because nobody could renew it, and lose it when it does not come back.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &table{}
		l := take(t, s, "mine")
		taken := make(chan *Lease, 1)
		go func() { taken <- take(t, s, "theirs") }()
		for range 5 {
			s.leave(errors.New("away"))
			<-time.After(3 * Term)
			s.leave(nil)
			<-time.After(3 * Term)
		}
		select {
		case <-l.Lost():
			t.Fatal("who works has changed because nobody could be asked")
		case <-taken:
			t.Fatal("two have the lease")
		default:
		}
		s.leave(errors.New("away"))
		l.stop() // as if it had died
		<-time.After(2 * Term)
		s.leave(nil)
		began := time.Now()
		next := <-taken
		if took := time.Since(began); took > Term {
			t.Errorf("the next one has taken %s", took)
		}
		if err := next.End(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
