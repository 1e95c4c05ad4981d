package duckdb

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// sparse is an event that may fill one of the columns that a table need not have, by its number.
func sparse(t *rapid.T, at uint64, which int) event.Event {
	e := event.Event{Name: "buy"}
	c := &e.Context
	fields := []*string{
		&e.ID, &e.UserID, &e.AnonymousID, &e.GroupID, &c.DeviceID, &c.Locale, &c.Timezone, &c.Carrier, &c.PageURL, &c.CampaignName, &c.Extra,
	}
	if which < len(fields) {
		*fields[which] = rapid.SampledFrom([]string{"", "{}", "e3e70682-c209-4cac-a29f-6fbed82c07cd", "CD613E30-D8F1-4ADF-91B7-584A2265B1F5"}).Draw(t, "text")
	}
	e.Derived = event.Derived{Position: at, Person: 1 + at%3, Time: int64(at%3) * 86400e6, ReceivedAt: int64(at)}
	if which == len(fields) {
		e.Derived.Span = 7
	}
	return e
}

// tableOnDisk are the columns that the file has for project 1.
func tableOnDisk(t fataler, s *Store) columnSet {
	has, err := s.columnsOnDisk(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return has[1]
}

// TestColumns: a table has the columns that some row has had a value for and no others; and rows say the same in memory, on disk, after
// kills, flushes that fail and days written anew, and read from a file that has every column, as one of format 7 does.
func TestColumns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx, dir := context.Background(), t.TempDir()
		reopen := func() *Store {
			return openIdle(rt, Options{Dir: dir, FlushRows: 1000, CompactRuns: 2, Threads: 1, Now: afterAll})
		}
		s := reopen()
		defer func() { _ = s.shut() }()
		var rows []event.Event
		add := func(from int) {
			for i := range rows[from:] {
				s.Add(1, time.UTC, "native", &rows[from+i])
			}
			if err := s.Commit(ctx, eventlog.Position(len(rows))); err != nil {
				rt.Fatal(err)
			}
		}
		said := ""
		for range rapid.IntRange(2, 20).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"add", "add", "flush", "flush", "failing", "kill", "compact", "format 7"}).Draw(rt, "step") {
			case "add":
				from, which := len(rows), rapid.IntRange(0, 12).Draw(rt, "column")
				for range rapid.IntRange(1, 5).Draw(rt, "events") {
					rows = append(rows, sparse(rt, uint64(len(rows)), which))
				}
				add(from)
				said = everything(rt, s, 1)
			case "flush":
				if err := s.flush(ctx); err != nil {
					rt.Fatal(err)
				}
			case "failing":
				failFlush(rt, s, eventlog.Position(len(rows)))
			case "compact":
				if err := s.compact(ctx); err != nil {
					rt.Fatal(err)
				}
			case "format 7":
				asFormat7(rt, s)
				fallthrough
			case "kill":
				dir = crash(t, s, dir)
				s = reopen()
				if from := int(s.Position()); from < len(rows) {
					add(from)
				}
			}
			if got := everything(rt, s, 1); len(rows) > 0 && got != said {
				rt.Fatal(firstDifference(got, said))
			}
			if k := s.known(1); k != nil && k.onDisk {
				wantColumns(rt, s)
			}
		}
	})
}

// wantColumns looks whether the file has a column if, and only if, a row has a value in it.
func wantColumns(t fataler, s *Store) {
	on := tableOnDisk(t, s)
	for _, c := range tableColumns() {
		has, used := on[c.Name], everywhere(c)
		if has && !used {
			if err := s.db.QueryRow("SELECT count(" + c.Name + ") > 0 FROM store.events_1").Scan(&used); err != nil {
				t.Fatal(err)
			}
		}
		if has != used {
			t.Fatal(fmt.Sprintf("the file has column %s: %v, and a value in it: %v", c.Name, has, used))
		}
	}
	if known := s.known(1).diskReadyColumns; !maps.Equal(known, on) {
		t.Fatal(fmt.Sprintf("the file has columns %v, and is said to have %v", on, known))
	}
}

// failFlush has a flush of what is in memory, up to a position, fail at the last of what it writes.
func failFlush(t fataler, s *Store, end eventlog.Position) {
	rename := func(from, to string) {
		if _, err := s.flusher.ExecContext(context.Background(), "ALTER TABLE store."+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("meta", "elsewhere")
	if err := s.flush(context.Background()); (err == nil) != (s.Position() == end) {
		t.Fatal("a flush without a place for its position: ", err)
	}
	rename("elsewhere", "meta")
}

// asFormat7 gives the file the layout of format 7: a table has every column.
func asFormat7(t fataler, s *Store) {
	k := s.known(1)
	if k == nil || !k.onDisk {
		return
	}
	has := tableOnDisk(t, s)
	for _, c := range tableColumns() {
		if !has[c.Name] && c.Name != spanColumn {
			if _, err := s.flusher.ExecContext(context.Background(), "ALTER TABLE "+k.cold+" ADD COLUMN "+c.Name+" "+diskType(c)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.flusher.ExecContext(context.Background(), "UPDATE format SET version = 7"); err != nil {
		t.Fatal(err)
	}
}
