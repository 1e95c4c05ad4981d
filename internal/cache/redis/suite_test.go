//go:build cluster

package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/cache/cachetest"
	"github.com/freshet/freshet/test/redistest"
)

// opened is a cache and its metrics.
type opened struct {
	*Cache
	registry *prometheus.Registry
}

func open(t *testing.T, s *redistest.Server, space string) opened {
	t.Helper()
	target, err := ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewRegistry()
	c := Open(t.Context(), Options{Target: target, Space: space, Logger: slog.New(slog.DiscardHandler), Registerer: r})
	k := NewCache(c, r)
	t.Cleanup(func() { k.Close(); c.Close() })
	until(t, "it is connected", func() bool { return c.conn.Load() != nil })
	return opened{k, r}
}

// calls is how many calls of a kind have been made.
func calls(t *testing.T, r *prometheus.Registry, call string) (n int) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "freshet_redis_calls_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == call {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	end := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-end:
			t.Fatal("never: " + what)
		case <-tick.C:
		}
	}
}

func TestSuite(t *testing.T) {
	s := redistest.Start(t)
	n := 0
	cachetest.Run(t, MostBytes+1, func(t *testing.T) (one, other cache.Cache) {
		n++
		space := fmt.Sprint("suite", n)
		return open(t, s, space), open(t, s, space)
	})
}

func TestSpacesDoNotMeet(t *testing.T) {
	s := redistest.Start(t)
	one, other := open(t, s, "one"), open(t, s, "other")
	one.Set("a", []byte("1"))
	until(t, "the value is there", func() bool { _, ok := one.Get(t.Context(), "a"); return ok })
	if v, ok := other.Get(t.Context(), "a"); ok {
		t.Errorf("another space has %q", v)
	}
}

// What one process works out, others wait for: once for all.
func TestWorkedOutOnce(t *testing.T) {
	s := redistest.Start(t)
	caches := []opened{open(t, s, ""), open(t, s, ""), open(t, s, "")}
	value, done := caches[0].Begin(t.Context(), "k")
	if value != nil {
		t.Fatalf("%q", value)
	}
	var others sync.WaitGroup
	for _, c := range caches[1:] {
		others.Go(func() {
			v, leave := c.Begin(t.Context(), "k")
			leave()
			if string(v) != "answer" {
				t.Errorf("worked out again: %q", v)
			}
		})
	}
	// Longer than a claim holds by itself: the first call made it.
	until(t, "the claim was renewed", func() bool { return calls(t, caches[0].registry, "begin") > int(claimFor/claimEvery)+2 })
	caches[0].Set("k", []byte("answer"))
	done()
	others.Wait()
}

// A process that is gone with its claim keeps the others waiting for no longer than the claim holds.
func TestClaimOfTheDead(t *testing.T) {
	s := redistest.Start(t)
	one, other := open(t, s, ""), open(t, s, "")
	if v, _ := one.Begin(t.Context(), "k"); v != nil {
		t.Fatalf("%q", v)
	}
	one.client.stop() // what keeps the claim
	v, done := other.Begin(t.Context(), "k")
	if v != nil || t.Context().Err() != nil {
		t.Errorf("%q", v)
	}
	done()
}

// A server that is killed, or hangs, is one that has nothing: no call takes longer than it may, and when it is back it is used.
func TestAway(t *testing.T) {
	for name, gone := range map[string]func(*redistest.Server) (back func()){
		"killed": func(s *redistest.Server) func() { s.Kill(); return s.Run },
		"frozen": func(s *redistest.Server) func() { s.Freeze(); return s.Thaw },
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t)
			c := open(t, s, "")
			c.Set("a", []byte("1"))
			until(t, "the value is there", func() bool { _, ok := c.Get(t.Context(), "a"); return ok })
			back := gone(s)
			for range 20 {
				if v, ok := c.Get(t.Context(), "a"); ok {
					t.Fatalf("%q from a server that is not there", v)
				}
				v, done := c.Begin(t.Context(), "b")
				if v != nil {
					t.Fatalf("%q", v)
				}
				c.Set("b", []byte("2"))
				done()
			}
			if err := c.client.call(t.Context(), "get", callTimeout, nil); err == nil {
				t.Error("the server is asked on and on")
			}
			back()
			until(t, "it is used again", func() bool {
				c.Set("c", []byte("3"))
				_, ok := c.Get(t.Context(), "c")
				return ok
			})
		})
	}
}

// A start does not wait for a server that is not there, and finds it later.
func TestStartsWithoutServer(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	s := redistest.Start(t)
	s.Kill()
	target, err := ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Look(t.Context(), target); err == nil {
		t.Error("found what is not there")
	}
	r := prometheus.NewRegistry()
	c := Open(context.Background(), Options{Target: target, Logger: slog.New(slog.DiscardHandler), Registerer: r})
	k := NewCache(c, r)
	if _, ok := k.Get(t.Context(), "a"); ok {
		t.Error("a value of nobody")
	}
	s.Run()
	until(t, "it is used", func() bool {
		k.Set("a", []byte("1"))
		_, ok := k.Get(t.Context(), "a")
		return ok
	})
	found, err := Look(t.Context(), target)
	if err != nil || found.Version == "" || found.Exposed {
		t.Errorf("%+v %v", found, err)
	}
	k.Close()
	c.Close()
	goleak.VerifyNone(t, ignore)
}
