package query_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// history is what a store was told.
type history struct {
	events []event.Event
	// links are made before the event at the index.
	links map[int]store.Link
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
	h := &history{links: map[int]store.Link{}, zone: zone}
	n := rapid.IntRange(0, 60).Draw(t, "events")
	h.cold = rapid.IntRange(0, n).Draw(t, "cold")
	merged := map[uint64]uint64{}
	for i := range n {
		if rapid.IntRange(0, 11).Draw(t, "link?") == 0 {
			from, to := drawPerson(t, merged), drawPerson(t, merged)
			if from != to {
				merged[from] = to
				h.links[i] = store.Link{Project: 1, From: from, To: to, Position: eventlog.Position(i)}
			}
		}
		h.events = append(h.events, drawEvent(t, base, i, drawPerson(t, merged)))
	}
	return h
}

// numbers are the people of histories: two of them are those that an id of a user and an anonymous id lead to.
var numbers = []uint64{
	1 << 60, 2 << 60, 3 << 60, 5 << 60, event.IDNumber(event.SpaceUser, "ann"), event.IDNumber(event.SpaceAnonymous, "a1"),
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
func (h *history) write(t testing.TB, dir string) *duckdb.Store {
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

func openStore(t testing.TB, dir string) *duckdb.Store { return openThreads(t, dir, 2) }

func openThreads(t testing.TB, dir string, n int) *duckdb.Store {
	s, err := duckdb.Open(context.Background(), duckdb.Options{Dir: dir, PropertyLimit: 4, Threads: n})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *history) add(t testing.TB, s *duckdb.Store, from, to int) {
	if from == to {
		return
	}
	for i := from; i < to; i++ {
		if l, ok := h.links[i]; ok {
			s.AddLink(l)
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

func drawFilter(t *rapid.T, depth int) *query.Filter {
	if depth > 0 && rapid.IntRange(0, 3).Draw(t, "group?") == 0 {
		var list []*query.Filter
		for range rapid.IntRange(1, 3).Draw(t, "members") {
			list = append(list, drawFilter(t, depth-1))
		}
		if rapid.Bool().Draw(t, "or") {
			return &query.Filter{Or: list}
		}
		return &query.Filter{And: list}
	}
	if rapid.IntRange(0, 11).Draw(t, "cohort?") == 0 {
		return &query.Filter{Cohort: drawKept(t), Op: rapid.SampledFrom([]string{"in", "not_in"}).Draw(t, "in or not")}
	}
	f := &query.Filter{PropertyRef: drawRef(t), Op: rapid.SampledFrom(query.Operators()).Draw(t, "op")}
	text := func() any {
		return rapid.SampledFrom([]any{"pro", "FREE", "1", "", "2026-03-29T01:30:00.000Z", "it's", "DE", "buy", hostile, "r"}).Draw(t, "text")
	}
	number := func() any {
		return rapid.SampledFrom([]any{-3., 0., 1., 2.5, 12., 12345678901234567890.}).Draw(t, "number")
	}
	either := func() any {
		if rapid.Bool().Draw(t, "text?") {
			return text()
		}
		return number()
	}
	scalar := func() any {
		if rapid.IntRange(0, 4).Draw(t, "bool?") == 0 {
			return rapid.Bool().Draw(t, "bool")
		}
		return either()
	}
	switch f.Op {
	case "is_set", "is_not_set":
	case "is", "is_not":
		f.Value = scalar()
	case "contains", "not_contains", "starts_with", "ends_with":
		f.Value = text()
	case "regex":
		f.Value = rapid.SampledFrom([]any{"^p.o$", "(?i)FREE", "[0-9]{2}", `\d+|e`, `\.`}).Draw(t, "regex")
	case "before", "after":
		f.Value = rapid.SampledFrom([]any{"2026-03-29T01:30:00Z", "2026-03-10", "-30d", "now"}).Draw(t, "bound")
	case "in", "not_in":
		var list []any
		for range rapid.SampledFrom([]int{1, 2, 3, 60}).Draw(t, "values") {
			list = append(list, scalar())
		}
		f.Value = list
	case "between":
		if rapid.Bool().Draw(t, "numbers") {
			f.Value = []any{number(), number()}
		} else {
			f.Value = []any{text(), text()}
		}
	default:
		f.Value = either()
	}
	return f
}

func drawRef(t *rapid.T) query.PropertyRef {
	ref := drawPlainRef(t)
	ref.As = drawAs(t)
	return ref
}

func drawAs(t *rapid.T) string { return rapid.SampledFrom([]string{"", "", "number"}).Draw(t, "as") }

func drawPlainRef(t *rapid.T) query.PropertyRef {
	if rapid.IntRange(0, 3).Draw(t, "person?") == 0 {
		return query.PropertyRef{
			Property: rapid.SampledFrom([]string{"plan", "tier"}).Draw(t, "trait"), Of: "person",
			At: rapid.SampledFrom([]string{"", "now", "event"}).Draw(t, "at"),
		}
	}
	return query.PropertyRef{Property: rapid.SampledFrom(append([]string{"$country", "$event", "$app_version", "$kind"}, propertyKeys...)).Draw(t, "property")}
}

func drawQuestion(t *rapid.T, now time.Time) *query.Trends {
	q := &query.Trends{
		Timezone: rapid.SampledFrom(append([]string{"", ""}, zones...)).Draw(t, "zone"),
		Interval: rapid.SampledFrom([]string{"", "hour", "day", "day", "week", "month"}).Draw(t, "interval"),
	}
	q.Range = rapid.SampledFrom([]query.Range{
		{From: "-7d"},
		{From: "-3d", To: "now"},
		{From: "-24h"},
		{From: "all"},
		{From: "this_month"},
		{From: "-1w", To: "today"},
		{From: now.Add(-100 * time.Hour).Format(time.RFC3339), To: now.Add(-5*time.Hour - 13*time.Minute).Format(time.RFC3339)},
		{From: now.AddDate(0, 0, -2).Format(time.DateOnly), To: now.AddDate(0, 0, 2).Format(time.DateOnly)},
	}).Draw(t, "range")
	if rapid.IntRange(0, 9).Draw(t, "minutes?") == 0 {
		q.Interval, q.Range = "minute", drawMinutes(t)
	}
	for range rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "series") {
		s := query.Series{Aggregate: rapid.SampledFrom(query.Aggregates()).Draw(t, "aggregate")}
		if rapid.Bool().Draw(t, "named") {
			s.Events = rapid.SampledFrom([][]string{{"buy"}, {"buy", hostile}, {"never"}, {"$identify", "view"}}).Draw(t, "events")
		}
		if measures(s.Aggregate) {
			s.Property, s.As = rapid.SampledFrom(propertyKeys).Draw(t, "measure"), drawAs(t)
		}
		if s.Aggregate == "wau" || s.Aggregate == "mau" {
			s.Clock = rapid.SampledFrom(query.ActiveClocks()).Draw(t, "clock")
		}
		if rapid.IntRange(0, 2).Draw(t, "own where?") == 0 {
			s.Where = drawFilter(t, 2)
		}
		q.Series = append(q.Series, s)
	}
	if len(q.Series) == 2 && rapid.Bool().Draw(t, "formula") {
		q.Formulas = []query.Formula{{Expression: rapid.SampledFrom([]string{"A/B", "A-B", "A*A", "B+A"}).Draw(t, "expression")}}
	}
	if rapid.IntRange(0, 2).Draw(t, "where?") == 0 {
		q.Where = drawFilter(t, 2)
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "breakdowns") {
		if rapid.IntRange(0, 7).Draw(t, "by cohort?") == 0 {
			q.Breakdown = append(q.Breakdown, query.Breakdown{Cohort: drawKept(t)})
			q.BreakdownLimit = rapid.IntRange(1, 4).Draw(t, "limit")
			continue
		}
		b := query.Breakdown{PropertyRef: drawRef(t)}
		if b.Property[0] != '$' || b.As != "" {
			switch rapid.IntRange(0, 5).Draw(t, "groups") {
			case 0:
				b.Edges = []float64{0, 2, 12}
			case 1:
				b.Quantiles = rapid.IntRange(2, 4).Draw(t, "quantiles")
			}
		}
		q.Breakdown = append(q.Breakdown, b)
		q.BreakdownLimit = rapid.IntRange(1, 4).Draw(t, "limit")
	}
	q.Compare = rapid.SampledFrom([]string{"", "", "previous", "year"}).Draw(t, "compare")
	q.Cumulative = rapid.IntRange(0, 3).Draw(t, "cumulative?") == 0
	if rapid.IntRange(0, 3).Draw(t, "rolling?") == 0 {
		q.Rolling = rapid.IntRange(2, 4).Draw(t, "rolling")
	}
	return q
}

func agreeTrends(t *rapid.T, e *query.Engine, o *oracle, now time.Time) {
	scope, q := o.scope, drawQuestion(t, now)
	r, err := e.Resolve(scope, q)
	if event.KindOf(err) == event.Invalid {
		return
	}
	if err != nil {
		t.Fatalf("resolve %s: %v", asJSON(q), err)
	}
	a, err := e.Trends(context.Background(), scope, r)
	if err != nil {
		t.Fatalf("answer %s: %v", asJSON(q), err)
	}
	want := o.answer(r)
	if len(a.Series) != len(want) {
		t.Fatalf("%s:\n%d lines, want %d\n%s\n%s", asJSON(a.Question), len(a.Series), len(want), asJSON(a.Series), describe(want))
	}
	for i := range want {
		got := a.Series[i]
		ok := got.ID == want[i].id && fmt.Sprint(got.Breakdown) == fmt.Sprint(want[i].breakdown) &&
			same(got.Values, want[i].now.values) && same([]*float64{got.Total}, []*float64{want[i].now.total})
		if got.Compare != nil {
			ok = ok && same(got.Compare.Values, want[i].then.values) && same([]*float64{got.Compare.Total}, []*float64{want[i].then.total})
		}
		if !ok {
			t.Fatalf("%s\nline %d is\n%s\nwant\n%s", asJSON(a.Question), i, asJSON(got), describe(want[i:i+1]))
		}
	}
	checkUnparsed(t, o, a.Range, a.Unparsed, castsOf(&a.Question))
	again, err := e.Resolve(scope, &a.Question)
	if err != nil || again.Key() != r.Key() {
		t.Fatalf("the question in the answer is another one: %v\n%s\n%s", err, asJSON(a.Question), asJSON(again))
	}
}

func same(a, b []*float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && math.Abs(*a[i]-*b[i]) > 1e-9*math.Max(1, math.Abs(*b[i])) {
			return false
		}
	}
	return true
}

func describe(lines []shown) string {
	out := ""
	for _, l := range lines {
		out += asJSON([]any{l.id, l.breakdown, l.now.values, l.now.total, l.then.values, l.then.total}) + "\n"
	}
	return out
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func location(t testing.TB, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func engine(t testing.TB, o query.Options) *query.Engine {
	e, err := newEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newEngine(o query.Options) (*query.Engine, error) {
	if o.Cohorts == nil {
		o.Cohorts = keptCohorts{}
	}
	if o.HistoryMemory == 0 {
		// A dozen people fit, so that questions about more of them take several passes.
		o.HistoryMemory = 128 << 10
	}
	if o.Read == nil {
		o.Read = readQuestion
	}
	return query.New(o)
}

// measures tells whether an aggregate needs a property.
func measures(aggregate string) bool {
	switch aggregate {
	case "sum", "avg", "min", "max", "median", "p75", "p90", "p95", "p99", "distinct":
		return true
	}
	return false
}
