package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

const (
	projects = 2
	people   = 12
	dayUS    = int64(86400e6)
)

// item is what one position of the log has for the store.
type item struct {
	project store.ProjectID
	e       event.Event
	// own is the number of the event's id by itself.
	own   uint64
	day   int64
	links []store.Link
	// hand is what becomes of a span with the event; holders are what is known of ids from then on.
	hand    *store.Handover
	holders []store.Holder
	// unlink is what the position has instead of an event.
	unlink *store.Unlink
	dead   *store.DeadLetter
	// twice is what sent a duplicate, which has nothing else.
	twice  *store.SDK
	values map[string]any
}

// history is a log in memory: whatever happens to a store, it is filled out of this.
type history struct {
	rng   *rand.Rand
	items []item
	roots [projects + 1][people]int
	// open are the spans that may be handed over, by the id that they are of.
	open [projects + 1]map[int]span
	// expired is the first day that is left, by project.
	expired [projects + 1]int64
}

func newHistory(seed uint64) *history {
	h := &history{rng: rand.New(rand.NewPCG(seed, 3))}
	for p := range h.roots {
		h.open[p] = map[int]span{}
		for i := range h.roots[p] {
			h.roots[p][i] = i
		}
	}
	return h
}

// carry gives an event the ids of somebody: people have ids of all sorts.
func carry(e *event.Event, i int) {
	id := fmt.Sprint("it's ", i)
	switch i % 3 {
	case 0:
		e.UserID = id
	case 1:
		e.AnonymousID = id
	default:
		e.Context.DeviceID = id
	}
}

func personNumber(i int) uint64 {
	var e event.Event
	carry(&e, i)
	return event.OwnNumber(e.UserID, e.AnonymousID, e.Context.DeviceID)
}

// grow makes up n more positions.
func (h *history) grow(n int) {
	for range n {
		pos := eventlog.Position(len(h.items))
		it := item{project: store.ProjectID(1 + h.rng.IntN(projects))}
		switch h.rng.IntN(14) {
		case 0:
			it.dead = &store.DeadLetter{
				Project: it.project, Position: pos, ReceivedAt: int64(pos), Stage: "process",
				Code: store.CodePoison, Reason: "r", Protocol: "segment", Body: fmt.Append(nil, pos),
			}
		case 2:
			it.twice = &store.SDK{Name: "sdk \"ü\"", Version: fmt.Sprint(h.rng.IntN(4))}
		case 1:
			h.link(&it, pos)
			h.event(&it, pos)
		case 4:
			h.event(&it, pos)
			h.hand(&it, pos)
		case 3:
			// Seldom: each has everything that is in memory written to disk, where the rest of the history would be then.
			if h.rng.IntN(10) == 0 && h.unlink(&it, pos) {
				break
			}
			fallthrough
		default:
			h.event(&it, pos)
		}
		h.items = append(h.items, it)
	}
}

// link merges one person into another, and now and then a third into the first, with one event.
func (h *history) link(it *item, pos eventlog.Position) {
	roots := &h.roots[it.project]
	for range 1 + h.rng.IntN(2) {
		from, to := roots[h.rng.IntN(people)], roots[h.rng.IntN(people)]
		if from == to {
			continue
		}
		it.links = append(it.links, store.Link{Project: it.project, From: personNumber(from), To: personNumber(to), Position: pos})
		for i, r := range roots {
			if r == from {
				roots[i] = to
			}
		}
	}
}

// unlink takes an id out of its person, unless it is linked to nobody.
func (h *history) unlink(it *item, pos eventlog.Position) bool {
	roots, id := &h.roots[it.project], h.rng.IntN(people)
	var others []int
	for i, r := range roots {
		if i != id && r == roots[id] {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return false
	}
	from := roots[id]
	rest := from
	if id == from {
		rest = others[h.rng.IntN(len(others))]
	}
	for _, i := range others {
		roots[i] = rest
	}
	roots[id] = id
	it.unlink = &store.Unlink{
		Project: it.project, Person: personNumber(id), From: personNumber(from), Rest: personNumber(rest), Position: pos,
		Holders: h.forget(it.project, id, rest),
	}
	return true
}

func (h *history) event(it *item, pos eventlog.Position) {
	id := h.rng.IntN(people)
	it.own = personNumber(id)
	it.day = int64(pos)/40 + int64(h.rng.IntN(3))
	it.e = event.Event{
		Name: fmt.Sprint("name", pos%5), ID: fmt.Sprint("id", pos),
		OriginalTime: it.day*dayUS + int64(h.rng.IntN(86400))*1e6,
	}
	carry(&it.e, id)
	d := &it.e.Derived
	h.others(it, id)
	d.Position, d.Person, d.Device, d.Time, d.ReceivedAt = uint64(pos), personNumber(h.roots[it.project][id]), 1, it.e.OriginalTime, int64(pos)*60e6
	d.Key, _ = event.KeyOf(it.e.ID)
	h.spanning(it, id, pos)
	it.values = map[string]any{}
	for range h.rng.IntN(5) {
		h.property(it)
	}
}

// others adds ids that do not say whose the event is: those that come behind its own, and those of nobody.
func (h *history) others(it *item, id int) {
	e := &it.e
	if id%3 == 0 && h.rng.IntN(2) == 0 {
		e.AnonymousID = fmt.Sprint("it's ", h.rng.IntN(people))
	}
	if id%3 < 2 && h.rng.IntN(2) == 0 {
		e.Context.DeviceID = fmt.Sprint("it's ", h.rng.IntN(people))
	}
	if id%3 > 0 && h.rng.IntN(3) == 0 {
		e.UserID, e.Derived.Flags = "null", event.FlagBadIdentity
	}
}

// property adds one of a key that is new to the event; keys change their types.
func (h *history) property(it *item) {
	p := event.Property{Key: fmt.Sprint("key", h.rng.IntN(8))}
	if _, has := it.values[p.Key]; has {
		return
	}
	switch h.rng.IntN(6) {
	case 0, 1:
		p.Type, p.Num = event.Number, float64(h.rng.IntN(1000))/8
		it.values[p.Key] = p.Num
	case 2:
		p.Type, p.Str = event.String, "text \"with\" ü \U0001F600 \t; --"
		it.values[p.Key] = p.Str
	case 3:
		p.Type, p.Num = event.Bool, float64(h.rng.IntN(2))
		it.values[p.Key] = p.Num != 0
	case 4:
		p.Type, p.Str = event.String, "2026-04-01T12:00:00.125Z"
		it.values[p.Key] = p.Str
	default:
		p.Type, p.Str = event.JSON, `{"a":[1,"x"]}`
		it.values[p.Key] = map[string]any{"a": []any{1.0, "x"}}
	}
	it.e.Properties = append(it.e.Properties, p)
}

// give adds the positions [from, to) to the store and commits them: an unlink by itself.
func (h *history) give(t testing.TB, s store.Writer, from, to eventlog.Position) {
	t.Helper()
	for p := from; p < to; p++ {
		it := &h.items[p]
		if it.unlink != nil {
			if p > from {
				commit(t, s, p)
			}
			s.Unlink(*it.unlink)
			commit(t, s, p+1)
			if got := s.Position(); got != p+1 {
				t.Fatalf("after an unlink at %d the store is durable up to %d", p, got)
			}
			from = p + 1
			continue
		}
		c := store.Counts{Accepted: 1}
		if it.dead != nil {
			s.AddDead(*it.dead)
			c.Dead++
		} else if it.twice != nil {
			s.CountDuplicate(it.project, int64(p)/60*3600, *it.twice)
			c.Duplicate++
		} else {
			e := it.e
			s.Add(it.project, time.UTC, "native", &e)
			c.Stored++
		}
		for _, l := range it.links {
			s.AddLink(l)
		}
		if it.hand != nil {
			s.Hand(*it.hand)
		}
		for _, x := range it.holders {
			s.Hold(x)
		}
		s.Count(it.project, int64(p)/60*3600, c)
	}
	commit(t, s, to)
}

func commit(t testing.TB, s store.Writer, after eventlog.Position) {
	t.Helper()
	if err := s.Commit(context.Background(), after); err != nil {
		t.Fatal(err)
	}
}

// links are those of all projects before a position, in the order in which a store has them.
func (h *history) links(before eventlog.Position) []store.Link {
	var out []store.Link
	for _, it := range h.items[:before] {
		out = append(out, it.links...)
		if it.unlink != nil {
			out = append(out, it.unlink.Links(out)...)
		}
	}
	slices.SortStableFunc(out, func(a, b store.Link) int { return cmp.Compare(a.Position, b.Position) })
	return out
}

// row is what is compared of an event.
type row struct {
	person uint64
	name   string
	day    int64
	time   int64
	values map[string]any
}

// rows are those that a cut of the project before a position has.
func (h *history) rows(project store.ProjectID, before eventlog.Position, expired int64) map[uint64]row {
	return h.rowsBy(project, before, expired, store.NextUser)
}

func (h *history) rowsBy(project store.ProjectID, before eventlog.Position, expired int64, a store.Attribution) map[uint64]row {
	persons, spans := h.attributed(project, before, a)
	out := map[uint64]row{}
	for p, it := range h.items[:before] {
		if it.project == project && it.dead == nil && it.twice == nil && it.unlink == nil && it.day >= expired {
			person, ok := spans[it.e.Derived.Span]
			if !ok {
				person = persons[it.own]
			}
			out[uint64(p)] = row{person, it.e.Name, it.day, it.e.Derived.Time, it.values}
		}
	}
	return out
}

// rowsOf reads a cut.
func rowsOf(t testing.TB, c store.Cut) map[uint64]row {
	t.Helper()
	columns := []string{"seq", "person", "event", "day", "time", "overflow"}
	var props []store.PropertyColumn
	for _, key := range slices.Sorted(maps.Keys(c.Schema().Properties)) {
		props = append(props, c.Schema().Properties[key]...)
	}
	for _, p := range props {
		columns = append(columns, p.Column)
	}
	out := map[uint64]row{}
	for v, err := range c.Rows(context.Background(), "SELECT "+strings.Join(columns, ", ")+" FROM "+c.Events(columns...)) {
		if err != nil {
			t.Fatal(err)
		}
		r := row{v[1].(uint64), v[2].(string), v[3].(int64), v[4].(time.Time).UnixMicro(), map[string]any{}}
		if v[5] != nil {
			if c.Schema().NoOverflow {
				t.Fatalf("the row at position %d has the overflow %v in a project that has none", v[0], v[5])
			}
			if err := json.Unmarshal([]byte(v[5].(string)), &r.values); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range props {
			switch x := v[6+i].(type) {
			case nil:
			case time.Time:
				r.values[p.Key] = x.Format("2006-01-02T15:04:05.000Z")
			default:
				r.values[p.Key] = x
			}
		}
		if _, twice := out[v[0].(uint64)]; twice {
			t.Fatalf("position %d is there twice", v[0])
		}
		out[v[0].(uint64)] = r
	}
	return out
}

// difference names the first row that is not as it should be.
func difference(got, want map[uint64]row) string {
	for _, p := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[p]; !ok || !reflect.DeepEqual(g, want[p]) {
			return fmt.Sprintf("position %d is %+v (%v), want %+v; %d rows of %d", p, g, ok, want[p], len(got), len(want))
		}
	}
	for p, g := range got {
		if _, ok := want[p]; !ok {
			return fmt.Sprintf("position %d is %+v and should not be there; %d rows of %d", p, g, len(got), len(want))
		}
	}
	return ""
}
