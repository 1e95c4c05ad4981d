package duckdb

import (
	"context"
	"fmt"
	"time"
)

// dayZone is the time zone in which the days of some rows were cut. The zero value is that of no rows; rows whose name
// is empty are of several zones, or of one that has no name that everybody understands.
type dayZone struct {
	rows bool
	name string
}

func zoneOf(loc *time.Location) dayZone {
	if loc == time.Local {
		return dayZone{rows: true}
	}
	return dayZone{true, loc.String()}
}

// with is the zone of the rows of both.
func (z dayZone) with(other dayZone) dayZone {
	switch {
	case !z.rows || z == other:
		return other
	case !other.rows:
		return z
	}
	return dayZone{rows: true}
}

// dayCutter finds the local day of a time, and remembers the day's bounds: events come mostly in order.
type dayCutter struct {
	loc        *time.Location
	start, end int64
	number     int64
}

func (c *dayCutter) day(us int64, loc *time.Location) int64 {
	if loc == c.loc && us >= c.start && us < c.end {
		return c.number
	}
	y, m, d := time.UnixMicro(us).In(loc).Date()
	c.loc, c.number = loc, time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400
	c.start, c.end = startOfDay(c.number, loc), startOfDay(c.number+1, loc)
	for us >= c.end { // clocks went back over midnight, and the new day had begun
		c.number++
		c.start, c.end = c.end, startOfDay(c.number+1, loc)
	}
	return c.number
}

// startOfDay is the first moment at which the local date is the given day or a later one, in microseconds. So every
// moment is in one day, also where clocks skip midnight, come to it twice, or leave out a whole day.
func startOfDay(day int64, loc *time.Location) int64 {
	midnight := day * 86400
	// No zone is so far ahead that its day has begun by then.
	at := time.Unix(midnight, 0).Add(-26 * time.Hour).In(loc)
	for {
		_, offset := at.Zone()
		start := max(at.Unix(), midnight-int64(offset))
		_, end := at.ZoneBounds()
		if end.IsZero() || start < end.Unix() {
			return start * 1e6
		}
		at = end.In(loc)
	}
}

// writeZone makes durable in which zone the days of a project's rows on disk are cut; it is part of the transaction that
// changes it, since rows that come back from the log after a crash may be cut in yet another one.
func (s *Store) writeZone(ctx context.Context, t *table, z dayZone) error {
	if z == t.zone {
		return nil
	}
	if _, err := s.flusher.ExecContext(ctx, "DELETE FROM zones WHERE project = ?", uint32(t.project)); err != nil {
		return fmt.Errorf("write the zone of project %d: %w", t.project, err)
	}
	if _, err := s.flusher.ExecContext(ctx, "INSERT INTO zones VALUES (?, ?)", uint32(t.project), z.name); err != nil {
		return fmt.Errorf("write the zone of project %d: %w", t.project, err)
	}
	return nil
}
