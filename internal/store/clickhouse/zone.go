package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// recut cuts the days of projects anew that have rows of several time zones, in that of the latest row, while commits go on. The
// caller holds changing. It waits until no cut is open that may name a zone, and none of the project's rows wait to be deleted.
func (s *Store) recut(ctx context.Context) error {
	for {
		t, loc, at := s.mixed()
		if t == nil {
			return nil
		}
		if err := s.recutTable(ctx, t, loc, at); err != nil {
			return fmt.Errorf("cut days of project %d in %s: %w", t.project, loc, err)
		}
		if again, err := s.ofOneZone(ctx, t, loc); again || err != nil {
			return err
		}
	}
}

// mixed is a table to cut anew, the zone to cut it in, and the position up to which it has rows.
func (s *Store) mixed() (*table, *time.Location, eventlog.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cuts) > 0 {
		return nil, nil, 0
	}
	waiting := map[store.ProjectID]bool{}
	for _, e := range s.expiries {
		waiting[e.project] = true
	}
	for _, t := range s.tables {
		if t.loc == nil || waiting[t.project] {
			continue
		}
		if zone := flat.ZoneOf(t.loc); zone.Name != "" && s.totals.zones[t.project] != zone && s.lingered(t.project) {
			t.since = flat.Zone{}
			return t, t.loc, s.watermark.Position
		}
	}
	return nil, nil, 0
}

func (s *Store) recutTable(ctx context.Context, t *table, loc *time.Location, at eventlog.Position) error {
	return s.everywhere(func(h *shard) error {
		return errors.Join(s.recutRows(ctx, h, t.rows, loc, at), s.recutRows(ctx, h, t.sealedRows, loc, at))
	})
}

func (s *Store) recutRows(ctx context.Context, h *shard, table string, loc *time.Location, at eventlog.Position) error {
	var first, last int64
	rows := int64(0)
	before := fmt.Sprintf(" WHERE seq < %d", at)
	err := h.client.rows(ctx, "SELECT count(), toUnixTimestamp64Micro(min(time)), toUnixTimestamp64Micro(max(time)) FROM "+table+before, func(v []any) {
		rows = int64(v[0].(uint64))
		first, _ = v[1].(int64)
		last, _ = v[2].(int64)
	})
	if err != nil || rows == 0 {
		return err
	}
	day := dayIn(loc, first, last)
	return h.client.mutate(ctx, "ALTER TABLE "+table+" UPDATE day = "+day+before+" AND day <> "+day+" AND "+s.unlessFenced())
}

// ofOneZone says durably that all rows of a table are of the zone that it was cut in. again is true when rows of another one
// have come meanwhile.
func (s *Store) ofOneZone(ctx context.Context, t *table, loc *time.Location) (again bool, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	zone := flat.ZoneOf(loc)
	if t.since.With(zone) != zone {
		return true, nil
	}
	s.mu.Lock()
	delete(s.mixedSince, t.project)
	before := s.totals.zones[t.project]
	s.totals.zones[t.project] = zone
	s.mu.Unlock()
	if err := s.fold(ctx); err != nil {
		s.mu.Lock()
		s.totals.zones[t.project] = before
		s.mu.Unlock()
		return false, err
	}
	return false, nil
}

// dayIn is SQL for the local day of a time between two others, in microseconds. Days that are equally long, as most that
// follow each other are, take one division.
func dayIn(loc *time.Location, first, last int64) string {
	const long = int64(86400e6)
	day := (&flat.Days{}).Of(first, loc)
	start := flat.StartOfDay(day, loc)
	var b strings.Builder
	b.WriteString("multiIf(")
	runs := 0
	for {
		// A run is of days that are 24 hours long, and perhaps one more that is not.
		end, n := start, day
		for end <= last {
			next := flat.StartOfDay(n+1, loc)
			regular := next == end+long
			end, n = next, n+1
			if !regular {
				break
			}
		}
		number := fmt.Sprintf("%d + least(intDiv(toUnixTimestamp64Micro(time) - %d, %d), %d)", day, start, long, n-1-day)
		if end > last {
			if runs == 0 {
				return number
			}
			b.WriteString(number + ")")
			return b.String()
		}
		fmt.Fprintf(&b, "toUnixTimestamp64Micro(time) < %d, %s, ", end, number)
		start, day = end, n
		runs++
	}
}
