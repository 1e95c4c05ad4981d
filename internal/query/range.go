package query

import (
	"strconv"
	"strings"
	"time"
)

// clock is how a question reads times: in its zone, at its moment.
type clock struct {
	now       time.Time
	zone      *time.Location
	weekStart time.Weekday
}

// nextMinute rounds up to a full minute, so that a question that is asked again within the minute is the same one.
func nextMinute(t time.Time) time.Time {
	down := t.Truncate(time.Minute)
	if down.Equal(t) {
		return down
	}
	return down.Add(time.Minute)
}

// span is what one word of a range stands for; most are a single moment.
type span struct{ from, to time.Time }

// read understands everything that Range documents, but "all".
func (c *clock) read(s string) (span, bool) {
	if s == "now" {
		return span{c.now, c.now}, true
	}
	if named, ok := c.named(s); ok {
		return named, true
	}
	if strings.HasPrefix(s, "-") {
		t, ok := c.ago(s[1:])
		return span{t, t}, ok
	}
	t, ok := c.absolute(s)
	return span{t, t}, ok
}

func (c *clock) named(s string) (span, bool) {
	today := dayOf(c.now, c.zone)
	week := today.add(-((int(today.weekday()) - int(c.weekStart) + 7) % 7))
	month := date{today.year, today.month, 1}
	year := date{today.year, time.January, 1}
	between := func(a, b date) (span, bool) { return span{a.start(c.zone), b.start(c.zone)}, true }
	switch s {
	case "today":
		return between(today, today.add(1))
	case "yesterday":
		return between(today.add(-1), today)
	case "this_week":
		return between(week, week.add(7))
	case "last_week":
		return between(week.add(-7), week)
	case "this_month":
		return between(month, month.addMonths(1))
	case "last_month":
		return between(month.addMonths(-1), month)
	case "this_year":
		return between(year, year.addMonths(12))
	case "last_year":
		return between(year.addMonths(-12), year)
	}
	return span{}, false
}

// ago is the moment that a text such as 7d lies back.
func (c *clock) ago(s string) (time.Time, bool) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > 1_000_000 || strings.HasPrefix(digits, "+") {
		return time.Time{}, false
	}
	today := dayOf(c.now, c.zone)
	switch s[len(digits):] {
	case "min":
		return floorClock(c.now.Add(-time.Duration(n)*time.Minute), c.zone, time.Minute), true
	case "h":
		return floorClock(c.now.Add(-time.Duration(n)*time.Hour), c.zone, time.Hour), true
	case "d":
		return today.add(-n).start(c.zone), true
	case "w":
		return today.add(-7 * n).start(c.zone), true
	case "m":
		return today.addMonths(-n).start(c.zone), true
	case "y":
		return today.addMonths(-12 * n).start(c.zone), true
	}
	return time.Time{}, false
}

func (c *clock) absolute(s string) (time.Time, bool) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return date{t.Year(), t.Month(), t.Day()}.start(c.zone), inYears(t)
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.Truncate(time.Microsecond).In(c.zone), inYears(t)
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(form, s, c.zone); err == nil {
			return t.Truncate(time.Microsecond), inYears(t)
		}
	}
	return time.Time{}, false
}

// inYears bounds times to those that every part of a statement can hold.
func inYears(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }

// parseInstant reads a time as a resolved question has it, in microseconds since 1970.
func parseInstant(s string) (int64, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	return t.UnixMicro(), true
}
