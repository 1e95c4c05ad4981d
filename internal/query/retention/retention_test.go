package retention

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/history"
)

const (
	start = 1
	back  = 2
)

func location(t testing.TB, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// edges are the beginnings of so many intervals from that of a moment on, and the end of the last.
func edges(from time.Time, interval string, weekStart time.Weekday, n int) (out []int64) {
	y, m, d := from.Date()
	switch interval {
	case "week":
		d -= (int(from.Weekday()) - int(weekStart) + 7) % 7
	case "month":
		d = 1
	}
	for range n + 1 {
		out = append(out, time.Date(y, m, d, 0, 0, 0, 0, from.Location()).UnixMicro())
		switch interval {
		case "week":
			d += 7
		case "month":
			m++
		default:
			d++
		}
	}
	return out
}

func units(interval string) int64 {
	return map[string]int64{"day": 1, "week": 7, "month": 30}[interval] * 24 * 3600e6
}

func hourFloor(zone *time.Location) func(int64) int64 {
	return func(at int64) int64 {
		t := time.UnixMicro(at).In(zone)
		_, offset := t.Zone()
		local := at + int64(offset)*1e6
		return local/3600e6*3600e6 - int64(offset)*1e6
	}
}

// The ways in which the tapes are read.
var ways = []string{"calendar", "rolling", "hour"}

func read(t *testing.T, zone, interval, way, from string, entry Entry, events ...string) []Membership {
	t.Helper()
	loc := location(t, zone)
	parse := func(s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	c := &Config{
		Edges: edges(parse(from), interval, time.Monday, 12), Cohorts: 5, From: parse(from).UnixMicro(), Periods: 6, Entry: entry,
		Rolling: way != "calendar", Unit: units(interval), ZeroReturned: true, Start: start, Return: back,
	}
	c.To = c.Edges[5]
	if way == "hour" {
		c.Floor = hourFloor(loc)
	}
	var list []history.Event
	for _, s := range events {
		e := history.Event{Time: parse(s[1:]).UnixMicro(), Match: start}
		if s[0] == '<' {
			e.Match = back
		}
		list = append(list, e)
	}
	return New(c).Walk(list)
}

// came is what a membership says: its cohort and then the offsets.
func came(m Membership) []int {
	out := []int{int(m.Cohort)}
	for n := range 7 {
		if m.In(n) {
			out = append(out, n)
		}
	}
	return out
}

// TestTapes has R1 to R7: the day on which each way says that the actor came back.
func TestTapes(t *testing.T) {
	for _, tape := range []struct {
		name, zone, interval, from string
		events                     []string
		want                       map[string]int
	}{
		{"R1", "UTC", "day", "2026-06-01 00:00", []string{">2026-06-01 20:00", "<2026-06-02 06:00"}, map[string]int{"calendar": 1, "rolling": 0, "hour": 0}},
		{"R2", "UTC", "day", "2026-06-03 00:00", []string{">2026-06-03 17:59", "<2026-06-04 17:00"}, map[string]int{"calendar": 1, "rolling": 0, "hour": 1}},
		{"R3", "UTC", "day", "2026-06-01 00:00", []string{">2026-06-01 12:00", "<2026-06-04 13:00"}, map[string]int{"calendar": 3, "rolling": 3, "hour": 3}},
		{"R5", "UTC", "week", "2027-12-01 00:00", []string{">2027-12-01 12:00", "<2027-12-06 12:00"}, map[string]int{"calendar": 1, "rolling": 0, "hour": 0}},
		{"R6", "UTC", "month", "2026-01-01 00:00", []string{">2026-01-31 12:00", "<2026-02-28 12:00"}, map[string]int{"calendar": 1, "rolling": 0, "hour": 0}},
		{"R7", "Europe/Berlin", "day", "2026-10-25 00:00", []string{">2026-10-25 00:30", "<2026-10-26 00:15"}, map[string]int{"calendar": 1, "rolling": 1, "hour": 1}},
		{"worked case 5", "America/New_York", "day", "2026-03-07 00:00", []string{">2026-03-07 23:30", "<2026-03-09 00:30"}, map[string]int{"calendar": 2, "rolling": 1, "hour": 1}},
	} {
		for _, way := range ways {
			t.Run(tape.name+" "+way, func(t *testing.T) {
				got := read(t, tape.zone, tape.interval, way, tape.from, Recurring, tape.events...)
				if len(got) != 1 || !slices.Equal(came(got[0]), []int{0, tape.want[way]}) {
					t.Fatalf("%v, want %d", got, tape.want[way])
				}
			})
		}
	}
}

func TestTapeR3OnOrAfter(t *testing.T) {
	at := func(day, hour int) int64 { return time.Date(2026, 6, day, hour, 0, 0, 0, time.UTC).UnixMicro() }
	c := &Config{
		Edges: edges(time.UnixMicro(at(1, 0)).UTC(), "day", time.Monday, 12), Cohorts: 5, From: at(1, 0), To: at(6, 0), Entry: Recurring,
		Rolling: true, Unit: units("day"), Periods: 6, OrAfter: true, ZeroReturned: true, Start: start, Return: back,
	}
	got := New(c).Walk([]history.Event{{Time: at(1, 12), Match: start}, {Time: at(4, 13), Match: back}})
	if len(got) != 1 || !slices.Equal(came(got[0]), []int{0, 0, 1, 2, 3}) {
		t.Fatal(got)
	}
}

func TestTapeR4(t *testing.T) {
	events := []string{">2026-06-01 12:00", ">2026-06-03 12:00", "<2026-06-04 13:00"}
	for _, way := range ways {
		got := read(t, "UTC", "day", way, "2026-06-01 00:00", Recurring, events...)
		if len(got) != 2 || !slices.Equal(came(got[0]), []int{0, 3}) || !slices.Equal(came(got[1]), []int{2, 1}) {
			t.Errorf("recurring, %s: %v", way, got)
		}
		for _, entry := range []Entry{FirstEver, FirstInRange} {
			got = read(t, "UTC", "day", way, "2026-06-01 00:00", entry, events...)
			if len(got) != 1 || !slices.Equal(came(got[0]), []int{0, 3}) {
				t.Errorf("first time, %s: %v", way, got)
			}
		}
	}
}

var zones = []string{"UTC", "America/New_York", "Europe/Berlin"}

// draw makes a question around a change of clocks, and its oracle.
func draw(t *rapid.T) (*Config, *oracle) {
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	base := rapid.SampledFrom([]time.Time{
		time.Date(2026, 3, 6, 0, 0, 0, 0, zone), time.Date(2026, 10, 24, 0, 0, 0, 0, zone), time.Date(2026, 1, 30, 0, 0, 0, 0, zone),
	}).Draw(t, "base")
	c := &Config{
		Cohorts: rapid.IntRange(1, 4).Draw(t, "cohorts"), Entry: Entry(rapid.IntRange(0, 2).Draw(t, "entry")),
		Rolling: rapid.Bool().Draw(t, "rolling"), ZeroReturned: rapid.Bool().Draw(t, "zero returned"), Start: start, Return: back,
	}
	o := &oracle{
		Config: c, zone: zone, interval: rapid.SampledFrom([]string{"day", "day", "week", "month"}).Draw(t, "interval"),
		weekStart: rapid.SampledFrom([]time.Weekday{time.Sunday, time.Monday}).Draw(t, "week start"),
	}
	c.Unit = units(o.interval)
	if rapid.Bool().Draw(t, "return is start") {
		c.Return = start
	}
	if c.Rolling && rapid.Bool().Draw(t, "floor") {
		c.Floor = hourFloor(zone)
	}
	if c.OrAfter = rapid.Bool().Draw(t, "or after"); c.OrAfter || rapid.Bool().Draw(t, "plain") {
		c.Periods = rapid.IntRange(0, 4).Draw(t, "periods")
	} else {
		for at := rapid.IntRange(0, 1).Draw(t, "first"); len(c.Brackets) == 0 || at < 5; {
			b := Bracket{at, at + rapid.IntRange(0, 2).Draw(t, "width")}
			c.Brackets = append(c.Brackets, b)
			at = b.To + rapid.IntRange(1, 2).Draw(t, "gap")
		}
	}
	c.Edges = edges(base, o.interval, o.weekStart, c.Cohorts+c.Deepest()+1)
	c.From = c.Edges[0] + rapid.Int64Range(0, 20).Draw(t, "late by")*3600e6
	c.To = c.Edges[c.Cohorts] - rapid.Int64Range(0, 2).Draw(t, "early by")*3600e6
	if rapid.Bool().Draw(t, "lines") {
		c.Lines = []int32{0, 1, 1}
		c.SameValue = rapid.Bool().Draw(t, "same value")
	}
	return c, o
}

func drawEvents(t *rapid.T, c *Config) []history.Event {
	span := (c.Edges[len(c.Edges)-1]-c.Edges[0])/600e6 + 300
	var list []history.Event
	for range rapid.IntRange(0, 12).Draw(t, "events") {
		at := rapid.Int64Range(-200, span).Draw(t, "time")
		if rapid.Bool().Draw(t, "on an edge") {
			at = (rapid.SampledFrom(c.Edges).Draw(t, "edge") - c.Edges[0]) / 600e6
		}
		list = append(list, history.Event{
			Time: c.Edges[0] + at*600e6, Match: rapid.Uint64Range(0, 3).Draw(t, "match"), Value: rapid.Int32Range(0, 2).Draw(t, "value"),
		})
	}
	slices.SortStableFunc(list, func(a, b history.Event) int { return int((a.Time - b.Time) / 1e6) })
	return list
}

func TestMachineAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, o := draw(t)
		m := New(c)
		for range 3 {
			events := drawEvents(t, c)
			got := m.Walk(events)
			find := func(line int32, cohort int) *Membership {
				for i := range got {
					if got[i].Line == line && int(got[i].Cohort) == cohort {
						return &got[i]
					}
				}
				return nil
			}
			members := 0
			for line := range int32(2) {
				for cohort := range c.Cohorts {
					for column := range c.Columns() {
						member, in := o.cell(events, line, cohort, column)
						if c.Lines == nil && line > 0 {
							continue
						}
						g := find(line, cohort)
						if member != (g != nil) || g != nil && g.In(column) != in {
							t.Fatalf("%+v\n%+v\nline %d cohort %d column %d: %v, want %v %v", *c, events, line, cohort, column, g, member, in)
						}
						if column == 0 && member {
							members++
						}
					}
				}
			}
			if members != len(got) {
				t.Fatalf("%d memberships, want %d: %+v", len(got), members, got)
			}
		}
	})
}

// TestIdentities holds what must be true of any table.
func TestIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := draw(t)
		lines := 1
		if c.Lines != nil {
			lines = 2
		}
		m, whole, parts := New(c), NewTally(c, lines), []*Tally{NewTally(c, lines), NewTally(c, lines)}
		plain := *c
		plain.Lines, plain.SameValue = nil, false
		single := NewTally(&plain, 1)
		for i := range 6 {
			events := drawEvents(t, c)
			whole.Add(m.Walk(events))
			parts[i%2].Add(m.Walk(events))
			single.Add(New(&plain).Walk(events))
		}
		parts[0].Merge(parts[1])
		now := c.Edges[0] + rapid.Int64Range(-10, 2000).Draw(t, "now")*3600e6
		for l := range whole.Lines {
			for i, cohort := range whole.Lines[l].Cohorts {
				before := Complete
				for k, n := range cohort.Counts {
					if n > cohort.Size || n != parts[0].Lines[l].Cohorts[i].Counts[k] {
						t.Fatalf("%d of %d", n, cohort.Size)
					}
					if c.OrAfter && k > 0 && n > cohort.Counts[k-1] {
						t.Fatalf("more came back at %d or later than at %d or later: %v", k, k-1, cohort.Counts)
					}
					if !c.ZeroReturned && c.Column(k).From == 0 && n != cohort.Size {
						t.Fatalf("not everybody is there at the start: %v", cohort)
					}
					if s := whole.State(l, i, k, now); s > before {
						t.Fatalf("column %d is farther than %d", k, k-1)
					} else {
						before = s
					}
				}
			}
		}
		if c.Lines == nil || c.SameValue {
			return
		}
		for i, cohort := range single.Lines[0].Cohorts {
			if a, b := whole.Lines[0].Cohorts[i], whole.Lines[1].Cohorts[i]; a.Size+b.Size != cohort.Size {
				t.Fatalf("the values have %d and %d of %d", a.Size, b.Size, cohort.Size)
			}
		}
	})
}

// TestNothingChangesACompleteCell: what happens after a cell is complete counts in no such cell, unless later returns do.
func TestNothingChangesACompleteCell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := draw(t)
		if c.OrAfter {
			c.OrAfter = false
		}
		c.Lines, c.SameValue = nil, false
		events := drawEvents(t, c)
		now := c.Edges[0] + rapid.Int64Range(0, 2000).Draw(t, "now")*3600e6
		var until []history.Event
		for _, e := range events {
			if e.Time < now {
				until = append(until, e)
			}
		}
		then, later := NewTally(c, 1), NewTally(c, 1)
		then.Add(New(c).Walk(until))
		later.Add(New(c).Walk(events))
		for i := range then.Lines[0].Cohorts {
			for k := range c.Columns() {
				a, b := then.Lines[0].Cohorts[i], later.Lines[0].Cohorts[i]
				if then.State(0, i, k, now) == Complete && (a.Size != b.Size || a.Counts[k] != b.Counts[k]) {
					t.Fatalf("cohort %d column %d was %d of %d and is %d of %d", i, k, a.Counts[k], a.Size, b.Counts[k], b.Size)
				}
				if then.State(0, i, k, now) == Future && a.Counts[k] > 0 {
					t.Fatalf("cohort %d column %d has begun: %v", i, k, a)
				}
			}
		}
	})
}
