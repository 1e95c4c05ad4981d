package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/cache/memory"
)

// cluster is some processes that take events of one project, and the clock by which they do.
type cluster struct {
	now   time.Time
	book  *memory.Book
	rate  int
	nodes []*node
	// debt is what was taken, as the time in which it comes back, and accepted the number of it.
	debt     time.Duration
	accepted int
}

// node is a process. What it tells the others is on its way there, and then the answer is on its way back.
type node struct {
	*rates

	debts          *memory.Debts
	tell           []telling
	answer         func()
	asked, answers bool
	heard          time.Time
	debt           time.Duration
}

func newCluster(nodes, rate int) *cluster {
	c := &cluster{now: time.Unix(1_800_000_000, 0), rate: rate}
	c.book = memory.NewBook(func() time.Time { return c.now })
	for range nodes {
		n := &node{rates: newRates("project", func() time.Time { return c.now }), debts: c.book.Join()}
		share(n.rates, n.debts, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		c.nodes = append(c.nodes, n)
	}
	for range 2 { // The first does not know of those after it.
		for _, n := range c.nodes {
			c.exchange(n)
		}
	}
	return c
}

// step lets one thing of an exchange happen.
func (c *cluster) step(n *node, fails error) {
	switch {
	case n.answers:
		n.answer()
		n.asked, n.answers, n.heard = false, false, c.now
	case n.asked:
		var more []cache.Debt
		for _, t := range n.tell {
			more = append(more, cache.Debt{Key: fmt.Sprint(t.key, "/", t.perSecond), Of: t.debt})
		}
		owed, processes, err := n.debts.Add(context.Background(), more)
		n.answer = func() { n.sharing.end(n.tell, owed, processes, errors.Join(err, fails)) }
		n.answers = true
	default:
		n.tell, n.asked = n.sharing.begin(), true
	}
}

// exchange lets one happen whole, and ends one that had begun before.
func (c *cluster) exchange(n *node) {
	for n.asked {
		c.step(n, nil)
	}
	for range 3 {
		c.step(n, nil)
	}
}

// take has a process take events, if it does.
func (c *cluster) take(n *node, events int) {
	if n.take(1, c.rate, events) != nil {
		return
	}
	cost := time.Duration(events) * time.Second / time.Duration(c.rate)
	c.debt += cost
	n.debt += cost
	c.accepted += events
}

// pass lets time pass.
func (c *cluster) pass(d time.Duration) {
	c.now = c.now.Add(d)
	c.debt = max(0, c.debt-d)
	for _, n := range c.nodes {
		n.debt = max(0, n.debt-d)
	}
}

// However load comes, and exchanges are late and overtake each other, processes together take no more than one would, a quarter of
// a bucket, and a request of each. It holds of every time: debts are what comes to every span between two times.
func TestSharedRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(rapid.IntRange(1, 9).Draw(t, "nodes"), rapid.SampledFrom([]int{3, 100, 20_000}).Draw(t, "rate"))
		largest := rapid.IntRange(1, 2*c.rate).Draw(t, "largest")
		most := burst + burst/sharePart + time.Duration(len(c.nodes)*largest)*time.Second/time.Duration(c.rate) + time.Millisecond
		pick := rapid.SampledFrom(c.nodes)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				c.pass(time.Duration(rapid.IntRange(1, 500_000).Draw(t, "µs")) * time.Microsecond)
				for _, n := range c.nodes { // Who is not heard of for long counts no more.
					if c.now.Sub(n.heard) > time.Second {
						c.exchange(n)
					}
				}
			case 1:
				c.step(pick.Draw(t, "node"), nil)
			case 2:
				n, events := pick.Draw(t, "node"), rapid.IntRange(1, largest).Draw(t, "events")
				for range rapid.IntRange(1, min(1+20*c.rate/events, 500)).Draw(t, "requests") {
					c.take(n, events)
				}
			case 3:
				for _, n := range c.nodes {
					c.take(n, largest)
				}
			case 4:
				c.exchange(pick.Draw(t, "node"))
			default:
				c.take(pick.Draw(t, "node"), rapid.IntRange(1, largest).Draw(t, "events"))
			}
			if c.debt > most {
				t.Fatalf("%s are owed, and the most is %s", c.debt, most)
			}
		}
	})
}

// Whatever fails, a process takes no more than it would alone.
func TestSharedRateFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(rapid.IntRange(1, 4).Draw(t, "nodes"), 100)
		pick := rapid.SampledFrom(c.nodes)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			n := pick.Draw(t, "node")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				c.pass(time.Duration(rapid.IntRange(1, 3_000).Draw(t, "ms")) * time.Millisecond)
			case 1:
				var fails error
				if rapid.Bool().Draw(t, "fails") {
					fails = errors.New("away")
				}
				c.step(n, fails)
			default:
				for range rapid.IntRange(1, 200).Draw(t, "requests") {
					c.take(n, rapid.IntRange(1, 50).Draw(t, "events"))
				}
			}
			if n.debt > burst+time.Millisecond {
				t.Fatalf("a process owes %s", n.debt)
			}
		}
	})
}

// A project gets its rate, wherever its load comes, and one that begins gets what a bucket holds.
func TestSharedRateIsHad(t *testing.T) {
	const rate, seconds = 1000, 60
	for name, at := range map[string]func(i int) int{
		"everywhere": func(i int) int { return i % 5 },
		"in one":     func(int) int { return 3 },
		"mostly in one": func(i int) int {
			if i%10 == 0 {
				return i / 10 % 5
			}
			return 1
		},
		"in turns": func(i int) int { return i / 20_000 % 5 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(5, rate)
			full := 0
			for i := range seconds * 10 * rate {
				if i%(10*rate/50) == 0 { // each shareLeast
					for _, n := range c.nodes {
						c.exchange(n)
					}
				}
				c.take(c.nodes[at(i)], 1)
				c.pass(time.Second / (10 * rate))
				if i == 2*10*rate {
					full = c.accepted
				}
			}
			bucket := int(burst/time.Second) * rate
			if full < bucket*9/10 {
				t.Errorf("%d in the first two seconds, and a bucket holds %d", full, bucket)
			}
			if least := bucket + seconds*rate*98/100; c.accepted < least || c.accepted > bucket+seconds*rate+bucket/sharePart {
				t.Errorf("%d of %d", c.accepted, bucket+seconds*rate)
			}
		})
	}
}

// After an outage nobody pays with silence for what was taken while it lasted, and it does not count twice either.
func TestSharedRateAfterOutage(t *testing.T) {
	const rate = 100
	c := newCluster(4, rate)
	second := func(fails error) (accepted int) {
		before := c.accepted
		for range 50 {
			for _, n := range c.nodes {
				c.step(n, fails)
				c.step(n, fails)
				c.step(n, fails)
				for range 10 {
					c.take(n, 1)
				}
			}
			c.pass(20 * time.Millisecond)
		}
		return c.accepted - before
	}
	for range 30 {
		second(nil)
	}
	if n := second(nil); n < rate*9/10 || n > rate*11/10 {
		t.Errorf("shared: %d in a second", n)
	}
	away := errors.New("away")
	for range 30 {
		second(away)
	}
	if n := second(away); n < 4*rate*9/10 || n > 4*rate*11/10 {
		t.Errorf("each by itself: %d in a second", n)
	}
	for range 30 {
		if n := second(nil); n < rate*9/10 {
			t.Errorf("shared again: only %d in a second", n)
		}
	}
	if n := second(nil); n > rate*11/10 {
		t.Errorf("shared again for long: %d in a second", n)
	}
}
