package duckdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fill adds n events of ten persons from the position on and commits them.
func fill(t *testing.T, s *Store, from, n int) {
	t.Helper()
	fillWith(t, s, from, n, event.Property{Key: "nested", Type: event.JSON, Str: `{"a":[1]}`})
}

// fillWith is fill of events that have one more property.
func fillWith(t *testing.T, s *Store, from, n int, last event.Property) {
	t.Helper()
	for i := from; i < from+n; i++ {
		e := event.Event{
			Name: "buy", ID: fmt.Sprintf("id-%d", i), UserID: fmt.Sprintf("u%d", i%10),
			Properties: []event.Property{
				{Key: "amount", Type: event.Number, Num: float64(i)},
				{Key: "select", Type: event.String, Str: "; drop table"},
				last,
			},
		}
		e.Derived = event.Derived{
			Position: uint64(i), ReceivedAt: int64(i) * 1e6, Time: int64(i) * 1e6,
			Person: event.IDNumber(event.SpaceUser, e.UserID), Device: 1,
		}
		e.Derived.Key, _ = event.KeyOf(e.ID)
		s.Add(1, time.UTC, "native", &e)
	}
	s.Count(1, 0, store.Counts{Accepted: int64(n), Stored: int64(n)})
	if err := s.Commit(context.Background(), eventlog.Position(from+n)); err != nil {
		t.Fatal(err)
	}
}

func one(t *testing.T, s *Store, columns, what string) any {
	t.Helper()
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for row, err := range c.Rows(context.Background(), "SELECT "+what+" FROM "+c.Events(columns)) {
		if err != nil {
			t.Fatal(err)
		}
		return row[0]
	}
	t.Fatal("no row")
	return nil
}

func TestColumnPlaces(t *testing.T) {
	if len(builtins()) != columnCount {
		t.Fatalf("%d columns, %d places", len(builtins()), columnCount)
	}
	for place, name := range map[int]string{flat.Seq: "seq", flat.Person: "person", flat.City: "city", flat.Protocol: "protocol", flat.Overflow: "overflow"} {
		if builtins()[place].Name != name {
			t.Errorf("place %d is %s, want %s", place, builtins()[place].Name, name)
		}
	}
}

func TestHotThenColdThenReopened(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 0, 100)
	if n := one(t, s, "seq", "count(*)"); n != int64(100) {
		t.Fatalf("hot: %v", n)
	}
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 100, 50)
	if n := one(t, s, "p1", "sum(p1)"); n != float64(149*150/2) {
		t.Fatalf("hot and cold: %v", n)
	}
	if got := s.Position(); got != 100 {
		t.Fatalf("durable up to %d", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if got := s.Position(); got != 150 {
		t.Fatalf("after closing durable up to %d", got)
	}
	if n := one(t, s, "person", "count(DISTINCT person)"); n != int64(10) {
		t.Fatalf("persons: %v", n)
	}
	hours, err := s.Ledger(context.Background(), 1, 0, 3600)
	if err != nil || len(hours) != 1 || hours[0].Stored != 150 {
		t.Fatalf("ledger %+v, %v", hours, err)
	}
}

func TestLinksApplyToRowsHotAndCold(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 20)
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 20, 20)
	u := func(i int) uint64 { return event.IDNumber(event.SpaceUser, fmt.Sprintf("u%d", i)) }
	s.AddLink(store.Link{Project: 1, From: u(1), To: u(2), Position: 40})
	s.AddLink(store.Link{Project: 1, From: u(2), To: u(3), Position: 41})
	if err := s.Commit(context.Background(), 42); err != nil {
		t.Fatal(err)
	}
	persons := func() any { return one(t, s, "person", "count(DISTINCT person)") }
	if n := persons(); n != int64(8) {
		t.Fatalf("linked: %v persons", n)
	}
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := persons(); n != int64(8) {
		t.Fatalf("flushed: %v persons", n)
	}
	s.pending.rounds = relinkEvery
	if err := s.relink(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.pending.has(1) {
		t.Fatal("links still pending")
	}
	if n := persons(); n != int64(8) {
		t.Fatalf("rewritten: %v persons", n)
	}
}

func TestCompactKeepsRows(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	for i := range 4 {
		fill(t, s, i*10, 10)
		if err := s.flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := one(t, s, "seq", "count(DISTINCT seq)"); n != int64(40) {
		t.Fatalf("%v rows", n)
	}
}

func TestExpire(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 10)
	fill(t, s, 86400, 10)
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	n, err := s.Expire(context.Background(), 1, 1)
	if err != nil || n != 10 {
		t.Fatalf("removed %d, %v", n, err)
	}
	if n := one(t, s, "seq", "count(*)"); n != int64(10) {
		t.Fatalf("%v rows left", n)
	}
}

func TestVersionChangesWithTheProjectOnly(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	before, other := s.Version(1), s.Version(2)
	fill(t, s, 0, 10)
	after := s.Version(1)
	if after == before || s.Version(2) != other {
		t.Fatalf("versions %d to %d, of another project %d to %d", before, after, other, s.Version(2))
	}
	s.AddLink(store.Link{Project: 1, From: 1, To: 2, Position: 10})
	if err := s.Commit(context.Background(), 11); err != nil {
		t.Fatal(err)
	}
	if s.Version(1) == after {
		t.Fatal("a link left the version as it was")
	}
	after = s.Version(1)
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.Version(1) != after {
		t.Fatal("a flush changed the version, though it changes no answer")
	}
	if n, err := s.Expire(context.Background(), 1, 1<<40); err != nil || n != 10 {
		t.Fatal(n, err)
	}
	if s.Version(1) == after {
		t.Fatal("a removal left the version as it was")
	}
}

func TestMemoryIsAMetric(t *testing.T) {
	r := prometheus.NewRegistry()
	s, err := Open(context.Background(), Options{Dir: t.TempDir(), Registerer: r})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, 0, 5000)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "freshet_store_duckdb_memory_bytes" && f.GetMetric()[0].GetGauge().GetValue() > 0 {
			return
		}
	}
	t.Fatal("no metric of DuckDB's memory")
}
