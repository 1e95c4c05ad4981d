package query_test

import (
	"cmp"
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/storetest"
)

// history is what a store was told.
type history struct {
	events []event.Event
	// links are made before the event at the index.
	links map[int]store.Link
	// hands are made with the event at the index.
	hands map[int]store.Handover
	// cold events are on disk, the others in memory.
	cold int
	zone *time.Location
	// threads are DuckDB's; 0 for two.
	threads int
	// later cuts the days from the event at moved on.
	later *time.Location
	moved int
}

// nudges put events next to the ends of windows, of pauses and of intervals, and next to each other as ties allow. Half of the
// events stay on the grid.
var nudges = []time.Duration{
	0, 0, 0, 0, 0, 0, 0, 0, 0, time.Microsecond, -time.Microsecond, time.Second, -time.Second, 2 * time.Second, -2 * time.Second,
	time.Second + time.Microsecond, 999_999 * time.Microsecond, -2*time.Second - time.Microsecond,
}

// delays are how long events were on their way.
var delays = []time.Duration{0, 0, 0, time.Microsecond, 59 * time.Second, 90 * time.Second, 50 * time.Minute, 30 * time.Hour}

const hostile = `"; drop table events_1; --`

// drawHistory draws what comes to the store: no event comes twice, since repeated ones are dropped before it (process/dedup).
func drawHistory(t *rapid.T, base time.Time, zone *time.Location) *history {
	h := &history{links: map[int]store.Link{}, hands: map[int]store.Handover{}, zone: zone}
	n := rapid.IntRange(0, 60).Draw(t, "events")
	h.cold = rapid.IntRange(0, n).Draw(t, "cold")
	merged, open := map[uint64]uint64{}, map[uint64]phone{}
	for i := range n {
		if rapid.IntRange(0, 11).Draw(t, "link?") == 0 {
			from, to := drawPerson(t, merged), drawPerson(t, merged)
			if from != to {
				merged[from] = to
				h.links[i] = store.Link{Project: 1, From: from, To: to, Position: eventlog.Position(i)}
			}
		}
		h.events = append(h.events, drawEvent(t, base, i, drawPerson(t, merged)))
		h.drawSpan(t, open, i, merged)
	}
	return h
}

// numbers are the people of histories: two of them are those that an id of a user and an anonymous id lead to.
var numbers = []uint64{
	1 << 60, 2 << 60, 3 << 60, 5 << 60, event.IDNumber(event.SpaceUser, "ann"), event.IDNumber(event.SpaceAnonymous, "a1"),
}

// phone is one that somebody has signed out of: the span of what it does since, and the user before.
type phone struct {
	span, owner uint64
}

// drawSpan makes some events those of a phone that somebody has signed out of, and has others sign in.
func (h *history) drawSpan(t *rapid.T, open map[uint64]phone, i int, merged map[uint64]uint64) {
	id := rapid.Uint64Range(1, 2).Draw(t, "phone")
	p, ok := open[id]
	owner := p.owner
	for merged[owner] != 0 {
		owner = merged[owner]
	}
	switch n := rapid.IntRange(0, 9).Draw(t, "span?"); {
	case n < 2 && !ok:
		owner = drawPerson(t, merged)
		p = phone{uint64(i) + 1, owner}
		open[id] = p
		fallthrough
	case n < 3 && ok:
		h.events[i].UserID, h.events[i].Derived.Span, h.events[i].Derived.Person = "", p.span, owner
	case n == 4 && ok:
		delete(open, id)
		if to := drawPerson(t, merged); to != owner {
			h.hands[i] = store.Handover{Project: 1, ID: id, Span: p.span, From: owner, To: to, Position: eventlog.Position(i)}
		}
	}
}

func drawPerson(t *rapid.T, merged map[uint64]uint64) uint64 {
	p := rapid.SampledFrom(numbers).Draw(t, "person")
	for merged[p] != 0 {
		p = merged[p]
	}
	return p
}

func drawEvent(t *rapid.T, base time.Time, i int, person uint64) event.Event {
	e := event.Event{
		Name: rapid.SampledFrom([]string{"buy", "view", "buy", "view", hostile, hostile, "push_received", "Application Backgrounded"}).Draw(t, "name"), ID: fmt.Sprint("e", i),
		SessionID: rapid.SampledFrom([]string{"", "s1", "s2", "s3", "s4", "s5"}).Draw(t, "session"),
		UserID:    rapid.SampledFrom([]string{"", "u1"}).Draw(t, "user"),
		GroupID:   rapid.SampledFrom([]string{"", "g1", "g2"}).Draw(t, "group"),
	}
	e.Context.AppVersion = rapid.SampledFrom([]string{"", "1.0", "2.0"}).Draw(t, "version")
	e.Context.LibraryName = rapid.SampledFrom([]string{"", "analytics-swift", "analytics-swift", "analytics-node"}).Draw(t, "library")
	e.Context.Timezone = rapid.SampledFrom(deviceZones).Draw(t, "device zone")
	// Few different moments, close to each other, so that times are equal and pauses are exact.
	minutes := rapid.IntRange(-5*24*6, 5*24*6).Draw(t, "time") * 10
	if rapid.Bool().Draw(t, "near") {
		minutes = rapid.IntRange(-18, 18).Draw(t, "near time") * 10
	}
	at := base.Add(time.Duration(minutes)*time.Minute + rapid.SampledFrom(nudges).Draw(t, "nudge"))
	e.Derived = event.Derived{
		Position: uint64(i), Time: at.UnixMicro(), Person: person,
		ReceivedAt: at.Add(rapid.SampledFrom(delays).Draw(t, "delay")).UnixMicro(),
		Device:     uint64(rapid.IntRange(1, 3).Draw(t, "device")), Country: rapid.SampledFrom([]string{"", "DE", "US", "FR"}).Draw(t, "country"),
	}
	e.Derived.Key, _ = event.KeyOf(e.ID)
	if rapid.IntRange(0, 4).Draw(t, "identify?") == 0 {
		e.Kind, e.Name = event.Identify, event.NameIdentify
		e.Traits = drawProperties(t, []string{"plan", "tier"})
	}
	if rapid.IntRange(0, 3).Draw(t, "changes?") == 0 {
		e.Traits = append(e.Traits, drawChanges(t)...)
	}
	e.Properties = drawProperties(t, propertyKeys)
	return e
}

// propertyKeys are more than there are columns for.
var propertyKeys = []string{"n", "plan", hostile, "when", "a/b~c", "x"}

// drawChanges draws operations on the traits, each of them once.
func drawChanges(t *rapid.T) []event.Property {
	var out []event.Property
	for _, op := range []event.Op{event.SetOnce, event.Unset, event.Add, event.Clear} {
		if rapid.IntRange(0, 2).Draw(t, "op?") != 0 {
			continue
		}
		for _, p := range drawProperties(t, []string{"plan", "tier"}) {
			p.Op = op
			out = append(out, p)
		}
	}
	return out
}

func drawProperties(t *rapid.T, keys []string) []event.Property {
	var out []event.Property
	for _, k := range keys {
		if rapid.IntRange(0, 2).Draw(t, "set?") == 0 {
			continue
		}
		p := event.Property{Key: k}
		switch rapid.IntRange(0, 9).Draw(t, "sort") {
		case 0:
			p.Type = event.Null
		case 1:
			p.Type, p.Num = event.Bool, float64(rapid.IntRange(0, 1).Draw(t, "bool"))
		case 2:
			p.Type, p.Str = event.JSON, rapid.SampledFrom([]string{`{"a":[1]}`, `[1,2]`, `12345678901234567890`}).Draw(t, "json")
		case 3, 4:
			p.Type, p.Str = event.String, rapid.SampledFrom([]string{"pro", "Free", "12", "2.50", "1e999", " 7", "", "2026-03-29T01:30:00.000Z", "it's"}).Draw(t, "text")
		case 5:
			p.Type, p.Str = event.String, rapid.SampledFrom([]string{"2026-03-29T01:30:00.000Z", "2026-03-08T07:00:00.125Z"}).Draw(t, "when")
		default:
			p.Type, p.Num = event.Number, rapid.SampledFrom([]float64{-3, 0, 1, 2.5, 10, 12, 40}).Draw(t, "number")
		}
		out = append(out, p)
	}
	return out
}

// write brings a history into a store: the first part to disk.
func (h *history) write(t testing.TB, dir string) storetest.Store {
	s := openThreads(t, dir, cmp.Or(h.threads, 2))
	h.add(t, s, 0, h.cold)
	if h.cold > 0 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openThreads(t, dir, cmp.Or(h.threads, 2))
	}
	middle := h.cold + (len(h.events)-h.cold)/2
	h.add(t, s, h.cold, middle)
	h.add(t, s, middle, len(h.events))
	return s
}

func openStore(t testing.TB, dir string) storetest.Store { return openThreads(t, dir, 2) }

func openThreads(t testing.TB, dir string, n int) storetest.Store {
	return openLimited(t, dir, n, 4, 0)
}

func (h *history) add(t testing.TB, s storetest.Store, from, to int) {
	if from == to {
		return
	}
	for i := from; i < to; i++ {
		if l, ok := h.links[i]; ok {
			s.AddLink(l)
		}
		if x, ok := h.hands[i]; ok {
			s.Hand(x)
		}
		zone := h.zone
		if h.later != nil && i >= h.moved {
			zone = h.later
		}
		s.Add(1, zone, "native", &h.events[i])
	}
	if err := s.Commit(context.Background(), eventlog.Position(to)); err != nil {
		t.Fatal(err)
	}
}
