package duckdb

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// everything reads all columns of all rows as text, in the order of the log.
func everything(t fataler, s *Store, project store.ProjectID) string {
	return everyColumn(t, s, project, store.Columns)
}

func everyColumn(t fataler, s *Store, project store.ProjectID, columns []store.Column) string {
	c, err := s.Cut(context.Background(), project)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var names []string
	for _, b := range columns {
		names = append(names, b.Name)
	}
	for _, ps := range c.Schema().Properties {
		for _, p := range ps {
			names = append(names, p.Column)
		}
	}
	return dump(t, c, names)
}

func dump(t fataler, c store.Cut, names []string) string {
	// In one order, whatever order they were asked for in.
	list := make([]string, len(names))
	copy(list, names)
	var out strings.Builder
	for row, err := range c.Rows(context.Background(), "SELECT "+strings.Join(list, ", ")+" FROM "+c.Events(list...)+" ORDER BY seq") {
		if err != nil {
			t.Fatal(err)
		}
		cells := map[string]any{}
		for i, v := range row {
			cells[list[i]] = v
		}
		fmt.Fprintln(&out, cells)
	}
	return out.String()
}

// someAt reads events by their positions and finds them among all.
func someAt(t *rapid.T, s *Store, all string, end uint64) {
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := rapid.SliceOfN(rapid.Uint64Range(0, end+3), 0, 9).Draw(t, "positions")
	positions, list := make([]eventlog.Position, len(at)), []string{"NULL"}
	for i, p := range at {
		positions[i], list = eventlog.Position(p), append(list, fmt.Sprint(p))
	}
	names := []string{"seq"}
	for _, col := range s.tables[1].all()[1:] {
		names = append(names, col.Name)
	}
	found := map[uint64]bool{}
	q := "SELECT " + strings.Join(names, ", ") + " FROM " + c.EventsAt(positions, names...) +
		" WHERE seq IN (" + strings.Join(list, ", ") + ")"
	for row, err := range c.Rows(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		cells := map[string]any{}
		for i, v := range row {
			cells[names[i]] = v
		}
		if !strings.Contains(all, fmt.Sprintln(cells)) {
			t.Fatal(fmt.Sprintf("%v is not among\n%s", cells, all))
		}
		found[row[0].(uint64)] = true
	}
	for _, p := range at {
		if found[p] != (p < end) {
			t.Fatal(fmt.Sprint("position ", p, " of ", end, " found: ", found[p]))
		}
	}
}

type fataler interface{ Fatal(...any) }

// TestEveryWayToReadARow compares what is read of rows that differ in every column: out of a table of the question's
// own, out of the widened shared one, and from disk.
func TestEveryWayToReadARow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		s := open(t, dir)
		defer func() { _ = s.Close() }()
		var at uint64
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			for range rapid.IntRange(1, 40).Draw(rt, "rows") {
				e := anyEvent(rt)
				e.Derived.Position = at
				s.Add(1, time.UTC, "native", &e)
				at++
			}
			if err := s.Commit(context.Background(), eventlog.Position(at)); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "ask") {
				everyColumn(rt, s, 1, builtins())
			}
		}
		own := everyColumn(rt, s, 1, builtins())
		someAt(rt, s, own, at)
		for _, c := range s.tables[1].all() {
			s.tables[1].want([]string{c.Name}, s.opts.Now())
		}
		if err := s.widen(context.Background()); err != nil {
			rt.Fatal(err)
		}
		for _, g := range s.gens {
			for c := range g.tables[1].filled {
				if !g.tables[1].columns[c] {
					rt.Fatal("after widening there is no column " + c)
				}
			}
		}
		shared := everyColumn(rt, s, 1, builtins())
		if own != shared {
			rt.Fatal(fmt.Sprintf("a table of its own\n%s\nthe shared one\n%s", own, shared))
		}
		if err := s.flush(context.Background()); err != nil {
			rt.Fatal(err)
		}
		if disk := everyColumn(rt, s, 1, builtins()); own != disk {
			rt.Fatal(fmt.Sprintf("in memory\n%s\non disk\n%s", own, disk))
		}
		someAt(rt, s, own, at)
		var disorder int
		q := "SELECT count(*) FROM (SELECT (day, person, time, seq) < lag((day, person, time, seq)) OVER (ORDER BY rowid) AS less FROM store.events_1) WHERE less"
		if err := s.db.QueryRow(q).Scan(&disorder); err != nil || disorder > 0 {
			rt.Fatal(fmt.Sprint(disorder, " rows on disk are out of order ", err))
		}
	})
}

func anyEvent(t *rapid.T) event.Event {
	text := rapid.SampledFrom([]string{"", "a", "längerer Text, der nicht in zwölf Bytes passt", `"; drop table`})
	draw := func(what string) string { return text.Draw(t, what) }
	e := event.Event{
		Kind: event.Kind(rapid.IntRange(0, 5).Draw(t, "kind")), Name: rapid.SampledFrom([]string{"buy", "look"}).Draw(t, "name"),
		ID: draw("id"), UserID: draw("user"), SessionID: draw("session"), OriginalTime: rapid.Int64Range(0, 2e15).Draw(t, "original"),
		Context: event.Context{AppVersion: draw("version"), OSName: draw("os"), Extra: rapid.SampledFrom([]string{"", `{"x":1}`}).Draw(t, "extra")},
	}
	for _, k := range []string{"p", "q", "r", "s"} {
		p := event.Property{Key: k, Type: event.ValueType(rapid.IntRange(0, 4).Draw(t, "type"))}
		switch p.Type {
		case event.Bool:
			p.Num = float64(rapid.IntRange(0, 1).Draw(t, "bool"))
		case event.Number:
			p.Num = rapid.Float64Range(-1e6, 1e6).Draw(t, "number")
		case event.String:
			p.Str = rapid.SampledFrom([]string{"", "x", "2026-04-01T12:00:00.000Z"}).Draw(t, "text")
		case event.JSON:
			p.Str = `{"n":[1]}`
		case event.Null:
		}
		e.Properties = append(e.Properties, p)
	}
	e.Derived = event.Derived{
		ReceivedAt: rapid.Int64Range(0, 2e15).Draw(t, "received"), Time: rapid.Int64Range(0, 20*86400e6).Draw(t, "time"),
		Person: rapid.Uint64Range(1, 5).Draw(t, "person"), Span: rapid.SampledFrom([]uint64{0, 0, 7, 1 << 63}).Draw(t, "span"), Device: rapid.Uint64().Draw(t, "device"),
		Flags: event.Flags(rapid.IntRange(0, 63).Draw(t, "flags")), Country: draw("country"),
	}
	e.Derived.Key, _ = event.KeyOf(e.ID)
	return e
}

// TestQuestionsWidenTheTables: there is a table when somebody has asked, and the second time a column is there; questions that
// read whole events leave no trace.
func TestQuestionsWidenTheTables(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 10)
	everything(t, s, 1)
	if err := s.widen(context.Background()); err != nil {
		t.Fatal(err)
	}
	if h := s.gens[0].tables[1]; h.name != "" || len(h.columns) > 0 {
		t.Fatalf("a question for everything left %+v", h)
	}
	if sum := one(t, s, "p1", "sum(p1)"); sum != 45.0 {
		t.Fatal(sum)
	}
	if err := s.widen(context.Background()); err != nil {
		t.Fatal(err)
	}
	h := s.gens[0].tables[1]
	if h.name == "" || !h.columns["p1"] || len(h.columns) != len(basic)+1 || len(h.old) != 0 {
		t.Fatalf("after a question for p1: %+v", h)
	}
	fill(t, s, 10, 10)
	if sum := one(t, s, "p1", "sum(p1)"); sum != 190.0 {
		t.Fatal(sum)
	}
	if sum := one(t, s, "p2", "count(*)"); sum != int64(20) {
		t.Fatal(sum)
	}
	if err := s.widen(context.Background()); err != nil {
		t.Fatal(err)
	}
	if h := s.gens[0].tables[1]; h.filled["p2"] && (!h.columns["p2"] || len(h.old) != 1) {
		t.Fatalf("after a question for p2: %+v", h)
	}
	flushed(t, s)
	s.opts.Now = func() time.Time { return time.Now().Add(2 * wantedFor) }
	fill(t, s, 20, 10)
	if h := s.gens[0].tables[1]; h.name != "" {
		t.Fatalf("what nobody asks for stayed: %+v", h)
	}
}
