package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store/flat"
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// addAt commits one event at each of the times.
func addAt(t fataler, s *Store, loc *time.Location, times ...int64) {
	at := s.Watermark().Position
	for _, us := range times {
		e := event.Event{Name: "n", ID: fmt.Sprint(at)}
		e.Derived.Position, e.Derived.Person, e.Derived.Time = uint64(at), uint64(at)%3, us
		s.Add(1, loc, "native", &e)
		at++
	}
	if err := s.Commit(context.Background(), at); err != nil {
		t.Fatal(err)
	}
}

func dayZoneOf(t fataler, s *Store) string {
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Schema().DayZone
}

// daysIn tells what is not in order about the days of rows and runs on disk, if they are cut in a zone.
func daysIn(t fataler, s *Store, loc *time.Location) string {
	rows, err := s.db.Query("SELECT epoch_us(time), day FROM store.events_1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var us, day int64
		if err := rows.Scan(&us, &day); err != nil {
			t.Fatal(err)
		}
		if want := (&flat.Days{}).Of(us, loc); day != want {
			return fmt.Sprintf("%d is on day %d, want %d", us, day, want)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return runsOff(t, s)
}

// runsOff tells which day has another number of rows than its runs.
func runsOff(t fataler, s *Store) (off string) {
	rows, err := s.db.Query("SELECT e.day, e.n, r.day, r.n FROM" +
		" (SELECT day, count(*) AS n FROM store.events_1 GROUP BY day) e FULL JOIN" +
		" (SELECT day, sum(rows)::BIGINT AS n, min(rows) AS least FROM store.runs WHERE project = 1 GROUP BY day) r ON e.day = r.day" +
		" WHERE e.n IS DISTINCT FROM r.n OR least < 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var day, n, runDay, run sql.NullInt64
		if err := rows.Scan(&day, &n, &runDay, &run); err != nil {
			t.Fatal(err)
		}
		off += fmt.Sprintf("day %d has %d rows, day %d runs of %d; ", day.Int64, n.Int64, runDay.Int64, run.Int64)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return off
}

func recutOnce(t fataler, s *Store) {
	if err := s.recut(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestDaysAreCutAnew one transaction after the other; until the last one, and through crashes, zones count as mixed.
func TestDaysAreCutAnew(t *testing.T) {
	dir := t.TempDir()
	berlin, auckland := location(t, "Europe/Berlin"), location(t, "Pacific/Auckland")
	openSmall := func(dir string) *Store {
		return openIdle(t, Options{Dir: dir, FlushRows: 20, FlushEvery: time.Hour})
	}
	var old []int64
	for i := range int64(300) {
		old = append(old, i*3600e6)
	}
	s := openSmall(dir)
	addAt(t, s, berlin, old...)
	flushed(t, s)
	if z := dayZoneOf(t, s); z != "Europe/Berlin" {
		t.Fatalf("zone %q", z)
	}
	addAt(t, s, auckland, 0)
	if z := dayZoneOf(t, s); z != "" {
		t.Fatalf("zone %q with a row in memory of another one", z)
	}
	dir = crash(t, s, dir)
	s = openSmall(dir)
	if z := dayZoneOf(t, s); z != "Europe/Berlin" {
		t.Fatalf("zone %q after the row in memory was lost", z)
	}
	addAt(t, s, auckland, 0)
	flushed(t, s)
	for range 3 {
		recutOnce(t, s)
		if z := dayZoneOf(t, s); z != "" {
			t.Fatalf("zone %q half way", z)
		}
		if off := runsOff(t, s); off != "" {
			t.Fatal(off)
		}
		dir = crash(t, s, dir)
		s = openSmall(dir)
		if z := dayZoneOf(t, s); z != "" {
			t.Fatalf("zone %q half way after a crash", z)
		}
		recutOnce(t, s)
		if s.tables[1].recut != (progress{}) {
			t.Fatal("cut in a zone that no row has told")
		}
		addAt(t, s, auckland, 1)
	}
	for rounds := 0; dayZoneOf(t, s) == ""; rounds++ {
		if rounds == 100 {
			t.Fatal("it does not end")
		}
		recutOnce(t, s)
	}
	if z := dayZoneOf(t, s); z != "Pacific/Auckland" {
		t.Fatalf("zone %q in the end", z)
	}
	if off := daysIn(t, s, auckland); off != "" {
		t.Fatal(off)
	}
	dir = crash(t, s, dir)
	s = openSmall(dir)
	defer func() { _ = s.Close() }()
	if z := dayZoneOf(t, s); z != "Pacific/Auckland" {
		t.Fatalf("zone %q in the end, after a crash", z)
	}
}

// TestNoMixingWhileCuttingAnew: rows in memory of another zone hold it up, and those that come in the middle are found.
func TestNoMixingWhileCuttingAnew(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := openIdle(rt, Options{Dir: t.TempDir(), FlushRows: 8, FlushEvery: time.Hour, CompactRuns: 2})
		defer func() { _ = s.Close() }()
		zones := []string{"UTC", "Pacific/Kiritimati", "America/St_Johns", "Etc/GMT+12"}
		loc := time.UTC
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0, 1, 2:
				loc = location(t, rapid.SampledFrom(zones).Draw(rt, "zone"))
				addAt(rt, s, loc, rapid.SliceOfN(rapid.Int64Range(0, 20*86400e6), 1, 20).Draw(rt, "times")...)
			case 3:
				if err := s.flush(context.Background()); err != nil {
					rt.Fatal(err)
				}
			case 4:
				if err := s.compact(context.Background()); err != nil {
					rt.Fatal(err)
				}
			case 5:
				if _, err := s.Expire(context.Background(), 1, rapid.Int64Range(0, 8).Draw(rt, "day")); err != nil {
					rt.Fatal(err)
				}
			default:
				recutOnce(rt, s)
			}
			checkZone(rt, s)
		}
		for s.Position() < s.Watermark().Position {
			if err := s.flush(context.Background()); err != nil {
				rt.Fatal(err)
			}
		}
		for range 100 {
			recutOnce(rt, s)
		}
		checkZone(rt, s)
		if z := dayZoneOf(rt, s); s.Position() > 0 && z != loc.String() {
			rt.Fatal(fmt.Sprintf("zone %q in the end, want %s", z, loc))
		}
	})
}

// checkZone holds every row of a cut to the zone that the cut names.
func checkZone(t fataler, s *Store) {
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if name := c.Schema().DayZone; name != "" {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range c.Rows(context.Background(), "SELECT time, day FROM "+c.Events("time", "day")) {
			if err != nil {
				t.Fatal(err)
			}
			at := row[0].(time.Time).UnixMicro()
			if want := (&flat.Days{}).Of(at, loc); row[1] != want {
				t.Fatal(fmt.Sprintf("%s: %d is on day %v, want %d", name, at, row[1], want))
			}
		}
	}
	if s.Position() > 0 {
		if off := runsOff(t, s); off != "" {
			t.Fatal("rows and runs: " + off)
		}
	}
}

// TestFilesWithoutZones: of rows that an older binary wrote it is not known, and then found out.
func TestFilesWithoutZones(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	addAt(t, s, time.UTC, 0, 86400e6)
	flushed(t, s)
	if _, err := s.db.Exec("DROP TABLE store.zones; DROP TABLE store.former_days; DROP TABLE store.names; ALTER TABLE store.events_1 DROP COLUMN event_number; DELETE FROM store.format WHERE version > 1;" +
		" ALTER TABLE store.events_1 ADD COLUMN received TIMESTAMP; UPDATE store.events_1 SET received = make_timestamp(received_ms * 1000);" +
		" ALTER TABLE store.events_1 DROP COLUMN received_ms"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if z := dayZoneOf(t, s); z != "" || s.Position() != 2 {
		t.Fatalf("zone %q, position %d", z, s.Position())
	}
	addAt(t, s, time.UTC, 0)
	recutOnce(t, s)
	if z := dayZoneOf(t, s); z != "UTC" {
		t.Fatalf("zone %q", z)
	}
}

// TestDayBounds: the days of a zone follow each other without a gap, and every moment is in the one that is named for
// it; a row is on the local date, but where clocks go back over a midnight that has been.
func TestDayBounds(t *testing.T) {
	for _, c := range []struct{ zone, day, start string }{
		{"UTC", "2026-06-01", "2026-06-01T00:00:00Z"},
		{"America/New_York", "2026-03-08", "2026-03-08T00:00:00-05:00"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"America/Havana", "2025-11-02", "2025-11-02T00:00:00-04:00"},
		{"America/St_Johns", "2010-11-07", "2010-11-07T00:00:00-02:30"},
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},
		{"Asia/Beirut", "2025-10-26", "2025-10-26T00:00:00+02:00"},
	} {
		loc := location(t, c.zone)
		day, _ := time.Parse(time.DateOnly, c.day)
		want, _ := time.Parse(time.RFC3339, c.start)
		number := day.Unix() / 86400
		if got := flat.StartOfDay(number, loc); got != want.UnixMicro() {
			t.Errorf("%s in %s begins at %v, want %v", c.day, c.zone, time.UnixMicro(got).In(loc), want)
		}
		cutter := &flat.Days{}
		for us := flat.StartOfDay(number-2, loc); us < flat.StartOfDay(number+3, loc); us += 30e6 {
			n := cutter.Of(us, loc)
			if us < flat.StartOfDay(n, loc) || us >= flat.StartOfDay(n+1, loc) || n != (&flat.Days{}).Of(us, loc) {
				t.Fatalf("%s: %v is on day %d", c.zone, time.UnixMicro(us).In(loc), n)
			}
		}
	}
}
