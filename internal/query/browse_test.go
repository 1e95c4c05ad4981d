package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/storetest"
)

// browsed is a store with 300 events of nine people over about four months, two thirds on disk. The people u1 and u2
// were linked after the first half.
type browsed struct {
	store  storetest.Store
	events []event.Event
	engine *query.Engine
	scope  query.Scope
}

func browse(t *testing.T) *browsed {
	t.Helper()
	dir, r := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	b := &browsed{store: openStore(t, dir), scope: query.Scope{Project: 1, Zone: time.UTC, WeekStart: time.Monday}}
	end := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	for i := range 300 {
		e := event.Event{
			Name: []string{"buy", "open", "it's"}[i%3], ID: fmt.Sprintf("id %d", i),
			UserID: fmt.Sprintf("u%d", r.IntN(9)), AnonymousID: fmt.Sprintf("a%d", r.IntN(3)),
			Properties: []event.Property{{Key: "amount", Type: event.Number, Num: float64(i)}},
		}
		for j := range 3 {
			e.Properties = append(e.Properties, event.Property{Key: fmt.Sprintf("more %d", i%5*3+j), Type: event.String, Str: "x"})
		}
		// Every tenth event happens at the same moment as the one before.
		e.OriginalTime = end - r.Int64N(1<<uint(20+r.IntN(23)))
		if i%10 == 9 {
			e.OriginalTime = b.events[i-1].OriginalTime
		}
		e.Derived = event.Derived{
			Position: uint64(i), Time: e.OriginalTime, ReceivedAt: end + int64(i)*1000,
			Person: event.IDNumber(event.SpaceUser, e.UserID), Device: 1,
		}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		b.events = append(b.events, e)
	}
	b.add(t, 0, 200)
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.store = openStore(t, dir)
	t.Cleanup(func() { _ = b.store.Close() })
	b.store.AddLink(store.Link{
		Project: 1, From: event.IDNumber(event.SpaceUser, "u1"), To: event.IDNumber(event.SpaceUser, "u2"), Position: 200,
	})
	for i := range b.events {
		if b.events[i].UserID == "u1" {
			b.events[i].Derived.Person = event.IDNumber(event.SpaceUser, "u2")
		}
	}
	b.add(t, 200, 300)
	b.engine = engine(t, query.Options{Store: b.store})
	return b
}

func (b *browsed) add(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		b.store.Add(1, time.UTC, "native", &b.events[i])
	}
	b.store.Count(1, 3600, store.Counts{Accepted: int64(to - from), Stored: int64(to - from)})
	if err := b.store.Commit(context.Background(), eventlog.Position(to)); err != nil {
		t.Fatal(err)
	}
}

// newest are the positions of the events that match, newest first.
func (b *browsed) newest(match func(*event.Event) bool) []eventlog.Position {
	var found []*event.Event
	for i := range b.events {
		if match(&b.events[i]) {
			found = append(found, &b.events[i])
		}
	}
	slices.SortFunc(found, func(x, y *event.Event) int {
		if x.Derived.Time != y.Derived.Time {
			return int(y.Derived.Time - x.Derived.Time)
		}
		return int(y.Derived.Position) - int(x.Derived.Position)
	})
	var out []eventlog.Position
	for _, e := range found {
		out = append(out, eventlog.Position(e.Derived.Position))
	}
	return out
}

func TestEvents(t *testing.T) {
	b := browse(t)
	u2 := event.IDNumber(event.SpaceUser, "u2")
	from, to := time.UnixMicro(b.events[50].Derived.Time).UTC(), time.UnixMicro(b.events[51].Derived.Time).UTC()
	if to.Before(from) {
		from, to = to, from
	}
	for _, c := range []struct {
		name   string
		filter query.EventFilter
		match  func(*event.Event) bool
	}{
		{"all", query.EventFilter{}, func(*event.Event) bool { return true }},
		{"event", query.EventFilter{Event: "it's"}, func(e *event.Event) bool { return e.Name == "it's" }},
		{"user", query.EventFilter{UserID: "u3"}, func(e *event.Event) bool { return e.UserID == "u3" }},
		{"anonymous", query.EventFilter{AnonymousID: "a1"}, func(e *event.Event) bool { return e.AnonymousID == "a1" }},
		{"person", query.EventFilter{Person: strconv.FormatUint(u2, 10)}, func(e *event.Event) bool { return e.Derived.Person == u2 }},
		{"time", query.EventFilter{From: &from, To: &to}, func(e *event.Event) bool {
			return e.Derived.Time >= from.UnixMicro() && e.Derived.Time < to.UnixMicro()
		}},
		{"where", query.EventFilter{Event: "buy", Where: &query.Filter{
			PropertyRef: query.PropertyRef{Property: "amount"}, Op: "gte", Value: 150.0,
		}}, func(e *event.Event) bool { return e.Name == "buy" && e.Properties[0].Num >= 150 }},
		{"overflow", query.EventFilter{Where: &query.Filter{
			PropertyRef: query.PropertyRef{Property: "more 14"}, Op: "is_set",
		}}, func(e *event.Event) bool { return e.Properties[3].Key == "more 14" }},
		{"nothing", query.EventFilter{Event: "never"}, func(*event.Event) bool { return false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := b.newest(c.match)
			for _, limit := range []int{7, 1000} {
				if got := b.pages(t, c.filter, limit); !slices.Equal(got, want) {
					t.Errorf("%d at a time: %v, want %v", limit, got, want)
				}
			}
			slices.SortFunc(want, func(x, y eventlog.Position) int {
				if d := b.events[x].Derived.Time - b.events[y].Derived.Time; d != 0 {
					return int(d)
				}
				return int(x) - int(y)
			})
			var exported []eventlog.Position
			if err := b.engine.Export(context.Background(), b.scope, c.filter, func(e *query.Event) error {
				exported = append(exported, e.Position)
				return nil
			}); err != nil || !slices.Equal(exported, want) {
				t.Errorf("exported %v, %v; want %v", exported, err, want)
			}
		})
	}
}

// pages follows the cursors to the end and checks each event against the one that was stored.
func (b *browsed) pages(t *testing.T, f query.EventFilter, limit int) []eventlog.Position {
	t.Helper()
	var out []eventlog.Position
	for cursor := ""; ; {
		page, err := b.engine.Events(context.Background(), b.scope, f, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if page.Events == nil || len(page.Events) > limit || page.Watermark.Position != 300 {
			t.Fatalf("%d events, limit %d, watermark %v", len(page.Events), limit, page.Watermark)
		}
		for i := range page.Events {
			e, want := &page.Events[i], &b.events[page.Events[i].Position]
			if e.ID != want.ID || e.Event != want.Name || e.UserID != want.UserID || e.Kind != "track" ||
				e.Person != strconv.FormatUint(want.Derived.Person, 10) || e.Timestamp.UnixMicro() != want.Derived.Time {
				t.Fatalf("%+v, want %+v", e, want)
			}
			out = append(out, e.Position)
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}

func TestCursorOfAnotherQuestion(t *testing.T) {
	b := browse(t)
	page, err := b.engine.Events(context.Background(), b.scope, query.EventFilter{Event: "buy"}, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	other := b.scope
	other.Project = 2
	for _, c := range []struct {
		scope  query.Scope
		filter query.EventFilter
		cursor string
		limit  int
		code   string
	}{
		{b.scope, query.EventFilter{Event: "open"}, page.Next, 1, "bad_cursor"},
		{other, query.EventFilter{Event: "buy"}, page.Next, 1, "bad_cursor"},
		{b.scope, query.EventFilter{Event: "buy"}, page.Next[1:], 1, "bad_cursor"},
		{b.scope, query.EventFilter{}, "", -1, "bad_limit"},
		{b.scope, query.EventFilter{}, "", 1001, "bad_limit"},
		{b.scope, query.EventFilter{Person: "me"}, "", 1, "bad_person"},
	} {
		_, err := b.engine.Events(context.Background(), c.scope, c.filter, c.cursor, c.limit)
		var e *event.Error
		if !errors.As(err, &e) || e.Kind != event.Invalid || e.Code != c.code {
			t.Errorf("%+v: %v, want %s", c, err, c.code)
		}
	}
}

func TestLatest(t *testing.T) {
	b := browse(t)
	events, skipped, w, err := b.engine.Latest(context.Background(), b.scope, 190, 20)
	if err != nil || len(events) != 20 || skipped != 90 || w.Position != 300 {
		t.Fatalf("%d events, %d skipped, %v, %v", len(events), skipped, w, err)
	}
	if events[0].Position != 299 || events[19].Position != 280 {
		t.Fatalf("from %d to %d", events[0].Position, events[19].Position)
	}
	if events, skipped, _, err = b.engine.Latest(context.Background(), b.scope, 300, 20); err != nil || len(events) != 0 || skipped != 0 {
		t.Fatalf("%d events, %d skipped, %v", len(events), skipped, err)
	}
}

func TestSchema(t *testing.T) {
	b := browse(t)
	s, err := b.engine.Schema(context.Background(), b.scope)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Events) != 3 || s.Events[0].Name != "buy" || s.Events[0].Count != 100 {
		t.Errorf("events %+v", s.Events)
	}
	if len(s.Properties) != 16 || s.PropertyLimit != 4 {
		t.Errorf("%d properties, limit %d", len(s.Properties), s.PropertyLimit)
	}
	columns := 0
	for _, p := range s.Properties {
		want, typ := int64(60), "text"
		if p.Key == "amount" {
			want, typ = 300, "number"
		}
		if p.Count != want || len(p.Types) != 1 || p.Types[0] != typ || p.Approximate || p.FirstSeen == nil || p.LastSeen.Before(*p.FirstSeen) {
			t.Errorf("%+v", p)
		}
		if p.Column {
			columns++
		}
	}
	if columns != 4 {
		t.Errorf("%d columns", columns)
	}
	var names []string
	for _, c := range s.Columns {
		names = append(names, c.Name)
	}
	builtIn := query.BuiltIn()
	slices.Sort(names)
	slices.Sort(builtIn)
	if !slices.Equal(names, builtIn) {
		t.Errorf("described are %v, there are %v", names, builtIn)
	}
}

func TestProjectWithoutEvents(t *testing.T) {
	b := browse(t)
	empty := query.Scope{Project: 9, Zone: time.UTC}
	page, err := b.engine.Events(context.Background(), empty, query.EventFilter{}, "", 0)
	if err != nil || len(page.Events) != 0 || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	s, err := b.engine.Schema(context.Background(), empty)
	if err != nil || len(s.Events) != 0 || len(s.Properties) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if events, skipped, _, err := b.engine.Latest(context.Background(), empty, 0, 10); err != nil || len(events) != 0 || skipped != 0 {
		t.Errorf("%v, %d, %v", events, skipped, err)
	}
	if err := b.engine.Export(context.Background(), empty, query.EventFilter{}, func(*query.Event) error { return errors.New("an event") }); err != nil {
		t.Error(err)
	}
}

func TestLedger(t *testing.T) {
	b := browse(t)
	b.store.Count(1, 7200, store.Counts{Accepted: 5, Stored: 1, Duplicate: 2, Dead: 1})
	if err := b.store.Commit(context.Background(), 305); err != nil {
		t.Fatal(err)
	}
	l, err := b.engine.Ledger(context.Background(), b.scope, time.Unix(3700, 0), time.Unix(10800, 0))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Hours) != 2 || l.Total.Accepted != 305 || l.Difference != 1 || l.Balanced || l.Hours[1].Hour != time.Unix(7200, 0).UTC() {
		t.Errorf("%+v", l)
	}
	if l, err = b.engine.Ledger(context.Background(), b.scope, time.Unix(0, 0), time.Unix(7200, 0)); err != nil || !l.Balanced || len(l.Hours) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	for _, to := range []int64{0, 1 << 31} {
		if _, err := b.engine.Ledger(context.Background(), b.scope, time.Unix(0, 0), time.Unix(to, 0)); event.KindOf(err) != event.Invalid {
			t.Errorf("until %d: %v", to, err)
		}
	}
}

func TestDeadLetters(t *testing.T) {
	b := browse(t)
	for i := range 450 {
		d := store.DeadLetter{
			Project: 1, Position: eventlog.Position(300 + i), ReceivedAt: int64(i) * 1e6, Stage: "decode",
			Code: []string{"bad_time", "not_object"}[i%2], Body: []byte("{}"),
		}
		if i == 7 {
			d.Body = []byte{0xff, 0}
		}
		b.store.AddDead(d)
	}
	if err := b.store.Commit(context.Background(), 750); err != nil {
		t.Fatal(err)
	}
	var got []query.DeadLetter
	for cursor := ""; ; {
		page, err := b.engine.DeadLetters(context.Background(), b.scope, "not_object", cursor, 100)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.DeadLetters...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(got) != 225 || got[0].Position != 749 || got[224].Position != 301 || got[0].Body != "{}" || got[0].Encoding != "" {
		t.Fatalf("%d letters, %+v", len(got), got[0])
	}
	if odd := got[221]; odd.Position != 307 || odd.Body != "/wA=" || odd.Encoding != "base64" {
		t.Errorf("%+v", odd)
	}
	letters, err := b.engine.DeadLettersAt(context.Background(), b.scope, []eventlog.Position{302, 5, 740})
	if err != nil || len(letters) != 2 || letters[0].Position != 740 || letters[1].Position != 302 {
		t.Errorf("%+v, %v", letters, err)
	}
	if _, err := b.engine.DeadLetters(context.Background(), b.scope, "", "x", 1); event.KindOf(err) != event.Invalid {
		t.Error(err)
	}
}
