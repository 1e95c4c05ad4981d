package query

import (
	"math"
	"sort"
	"time"
)

// date is a day on the calendar, without a time zone.
type date struct {
	year  int
	month time.Month
	day   int
}

// dayOf is the local day of a moment.
func dayOf(t time.Time, zone *time.Location) date {
	y, m, d := t.In(zone).Date()
	return date{y, m, d}
}

func (d date) utc() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// number counts days since 1970-01-01, as the column "day" does.
func (d date) number() int64 {
	s := d.utc().Unix()
	if s < 0 {
		return -((-s + 86399) / 86400)
	}
	return s / 86400
}

// dayNumbered is the date of a number.
func dayNumbered(n int64) date { return date{1970, time.January, 1}.add(int(n)) }

func (d date) weekday() time.Weekday { return d.utc().Weekday() }

func (d date) add(days int) date {
	t := time.Date(d.year, d.month, d.day+days, 0, 0, 0, 0, time.UTC)
	return date{t.Year(), t.Month(), t.Day()}
}

// addMonths keeps the day of the month, or takes the last one there is.
func (d date) addMonths(months int) date {
	first := time.Date(d.year, d.month+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return date{first.Year(), first.Month(), min(d.day, last)}
}

// start is the first moment of the day in a zone. Where clocks skip midnight it is the moment of the skip; where
// midnight comes twice it is the first one.
func (d date) start(zone *time.Location) time.Time {
	t := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, zone)
	begin, end := t.ZoneBounds()
	if dayOf(t, zone) != d {
		if !end.IsZero() && dayOf(end, zone) == d {
			return end
		}
		return t
	}
	if begin.IsZero() {
		return t
	}
	if h, m, s := t.Clock(); h+m+s > 0 {
		return begin
	}
	_, before := begin.Add(-time.Second).Zone()
	earlier := d.utc().Add(-time.Duration(before) * time.Second)
	if earlier.Before(begin) && dayOf(earlier, zone) == d {
		return earlier.In(zone)
	}
	return t
}

// floorClock is the beginning of the local minute or hour of a moment. An hour that clocks enter or leave in its
// middle begins or ends there.
func floorClock(t time.Time, zone *time.Location, unit time.Duration) time.Time {
	t = t.In(zone)
	_, offset := t.Zone()
	local := t.Add(time.Duration(offset) * time.Second)
	floor := local.UTC().Truncate(unit).Add(-time.Duration(offset) * time.Second).In(zone)
	if begin, _ := t.ZoneBounds(); !begin.IsZero() && floor.Before(begin) {
		return begin
	}
	return floor
}

// nextClock is the beginning of the local minute or hour after that of a moment.
func nextClock(t time.Time, zone *time.Location, unit time.Duration) time.Time {
	t = t.In(zone)
	_, offset := t.Zone()
	local := t.Add(time.Duration(offset) * time.Second)
	next := local.UTC().Truncate(unit).Add(unit - time.Duration(offset)*time.Second).In(zone)
	if _, end := t.ZoneBounds(); !end.IsZero() && end.Before(next) {
		return end
	}
	return next
}

// hourFloor is floorClock for hours, for many moments from one on and before another.
func hourFloor(zone *time.Location, from, to time.Time) func(int64) int64 {
	type stretch struct{ begin, offset int64 }
	var list []stretch
	for at := from.In(zone).AddDate(0, 0, -1); ; {
		begin, end := at.ZoneBounds()
		_, offset := at.Zone()
		s := stretch{begin: math.MinInt64, offset: int64(offset) * 1e6}
		if len(list) > 0 {
			s.begin = begin.UnixMicro()
		}
		list = append(list, s)
		if end.IsZero() || !end.Before(to) {
			break
		}
		at = end
	}
	const hour = int64(time.Hour / time.Microsecond)
	return func(at int64) int64 {
		i := sort.Search(len(list), func(i int) bool { return list[i].begin > at }) - 1
		s := list[max(i, 0)]
		local := at + s.offset
		floor := local - (local%hour+hour)%hour
		return max(s.begin, floor-s.offset)
	}
}
