package flat

import "time"

// Zone is the time zone in which the days of some rows were cut. The zero value is that of no rows; rows whose name
// is empty are of several zones, or of one that has no name that everybody understands.
type Zone struct {
	Rows bool
	Name string
}

// ZoneOf is the zone of rows whose days are cut by loc.
func ZoneOf(loc *time.Location) Zone {
	if loc == time.Local {
		return Zone{Rows: true}
	}
	return Zone{true, loc.String()}
}

// With is the zone of the rows of both.
func (z Zone) With(other Zone) Zone {
	switch {
	case !z.Rows || z == other:
		return other
	case !other.Rows:
		return z
	}
	return Zone{Rows: true}
}

// Days finds the local day of a time, and remembers the day's bounds: events come mostly in order.
type Days struct {
	loc        *time.Location
	start, end int64
	number     int64
}

// Of is the number of days since 1970-01-01 of a time in microseconds.
func (c *Days) Of(us int64, loc *time.Location) int64 {
	if loc == c.loc && us >= c.start && us < c.end {
		return c.number
	}
	y, m, d := time.UnixMicro(us).In(loc).Date()
	c.loc, c.number = loc, time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400
	c.start, c.end = StartOfDay(c.number, loc), StartOfDay(c.number+1, loc)
	for us >= c.end { // clocks went back over midnight, and the new day had begun
		c.number++
		c.start, c.end = c.end, StartOfDay(c.number+1, loc)
	}
	return c.number
}

// StartOfDay is the first moment at which the local date is the given day or a later one, in microseconds. So every
// moment is in one day, also where clocks skip midnight, come to it twice, or leave out a whole day.
func StartOfDay(day int64, loc *time.Location) int64 {
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
