// Package cachetest is the suite that every adapter of the cache passes.
package cachetest

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/cache"
)

// soon bounds how long a value that was set may take to be found.
const soon = 10 * time.Second

// Open makes an empty cache as two processes see it. One that is not shared is the same twice.
type Open func(t *testing.T) (one, other cache.Cache)

// Run runs the suite. Values of 64 KiB must be kept, those of large bytes must not.
func Run(t *testing.T, large int, open Open) {
	t.Run("nothing", func(t *testing.T) {
		c, _ := open(t)
		if v, ok := c.Get(t.Context(), "a"); ok {
			t.Errorf("an empty cache has %q", v)
		}
	})
	t.Run("keeps", func(t *testing.T) { keeps(t, open) })
	t.Run("tells keys apart", func(t *testing.T) { apart(t, open) })
	t.Run("bounds values", func(t *testing.T) {
		c, _ := open(t)
		c.Set("large", make([]byte, large))
		c.Set("small", []byte("x"))
		await(t, c, "small", []byte("x"))
		if _, ok := c.Get(t.Context(), "large"); ok {
			t.Errorf("a value of %d bytes was kept", large)
		}
	})
	t.Run("begin", func(t *testing.T) { begin(t, open) })
	t.Run("at once", func(t *testing.T) { atOnce(t, open) })
}

func keeps(t *testing.T, open Open) {
	one, other := open(t)
	all := make([]byte, 64<<10)
	for i := range all {
		all[i] = byte(i * i >> 3)
	}
	for key, v := range map[string][]byte{"": []byte("no key"), "a": []byte("1"), "empty": {}, "b\x00\xff|ü": all} {
		one.Set(key, v)
		await(t, one, key, v)
		await(t, other, key, v)
	}
	one.Set("a", []byte("2"))
	await(t, other, "a", []byte("2"))
}

func apart(t *testing.T, open Open) {
	c, _ := open(t)
	keys := []string{"1|2", "12|", "1|", "|12", "1|2 ", "a*", "a?", "a"}
	for _, k := range keys {
		c.Set(k, []byte("of "+k))
	}
	for _, k := range keys {
		await(t, c, k, []byte("of "+k))
	}
}

// begin holds that nobody waits for nobody, for one who has given up, or longer than he likes.
func begin(t *testing.T, open Open) {
	one, other := open(t)
	v, done := one.Begin(t.Context(), "given up")
	if v != nil {
		t.Fatalf("a value of nobody: %q", v)
	}
	done()
	if v, done = other.Begin(t.Context(), "given up"); v != nil {
		t.Fatalf("a value of one who has given up: %q", v)
	}
	done()

	_, done = one.Begin(t.Context(), "made")
	one.Set("made", []byte("value"))
	done()
	await(t, other, "made", []byte("value"))

	_, done = one.Begin(t.Context(), "slow")
	defer done()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	v, leave := other.Begin(ctx, "slow")
	leave()
	if v != nil {
		t.Fatalf("a value that is not there yet: %q", v)
	}
}

func atOnce(t *testing.T, open Open) {
	one, other := open(t)
	var work sync.WaitGroup
	for i := range 8 {
		c := []cache.Cache{one, other}[i%2]
		work.Go(func() {
			for n := range 200 {
				key := strconv.Itoa(n % 7)
				want := bytes.Repeat([]byte(key), 100)
				if v, ok := c.Get(t.Context(), key); ok && !bytes.Equal(v, want) {
					t.Errorf("under %s is %q", key, v)
				}
				v, done := c.Begin(t.Context(), key)
				if v == nil {
					c.Set(key, want)
				} else if !bytes.Equal(v, want) {
					t.Errorf("somebody else made %q of %s", v, key)
				}
				done()
			}
		})
	}
	work.Wait()
}

func await(t *testing.T, c cache.Cache, key string, want []byte) {
	t.Helper()
	end := time.After(soon)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		v, ok := c.Get(t.Context(), key)
		if ok && bytes.Equal(v, want) {
			return
		}
		select {
		case <-end:
			t.Fatalf("under %q are %d bytes (%v), not the %d that were set", key, len(v), ok, len(want))
		case <-tick.C:
		}
	}
}
