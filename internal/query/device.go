package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A question may go by the clock of each device in place of a time zone: every event then stands where the clock of its
// device stood, by the column "timezone". What the clocks showed is counted as if all of it were UTC: the zone of such a
// question is wallClock, a moment in it is a reading of the clock, and an hour that a clock shows twice is one. An event
// without a zone, or with the name of none, stands where the project's clock stood.

// TimezoneDevice is the timezone of a question that goes by the clock of each device.
const TimezoneDevice = "device"

const (
	// slowestClock is how far behind UTC clocks are at most: a reading is over everywhere by so much later.
	slowestClock = 12 * time.Hour
	// widestClock is more than any clock is or was away from UTC, local mean times included.
	widestClock = 16 * time.Hour
	// maxDeviceZones bounds the names that are looked up, those with most events first. There are about 600 zones; more
	// names than that are made up.
	maxDeviceZones = 1000
	maxZoneName    = 64
	// endless is farther than any time, in microseconds.
	endless = 1 << 62
	// clockDays is how many days before the range readings are right in any case; an interval has no more.
	clockDays = 100
)

// wallClock is the zone of readings of clocks.
func wallClock() *time.Location { return time.FixedZone(TimezoneDevice, 0) }

// isWallClock tells whether moments in a zone are readings of clocks.
func isWallClock(zone *time.Location) bool { return zone.String() == TimezoneDevice }

// reading is what a clock in a zone shows at a moment.
func reading(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.Add(time.Duration(offset) * time.Second).In(wallClock())
}

// readingOf is what the clock of a device shows that has named its zone; without one that of home.
func readingOf(t time.Time, name string, home *time.Location) time.Time {
	if zone, ok := deviceZone(name); ok {
		return reading(t, zone)
	}
	return reading(t, home)
}

// spelledTime is a moment in a zone; a reading has no offset.
func spelledTime(t time.Time, zone *time.Location, form string) string {
	if isWallClock(zone) {
		form = strings.TrimSuffix(form, "Z07:00")
	}
	return t.In(zone).Format(form)
}

// deviceClocks is how a question goes by the clocks of devices; nil for one that has a zone.
type deviceClocks struct {
	// home is the project's zone, for events without one.
	home *time.Location
	// since and until are between when readings are right where events have no bound; before and behind it they may be off
	// by a change of clocks.
	since, until time.Time
}

// clocksOf is for a question over some ranges, nil if zone is one.
func (r *resolver) clocksOf(ranges ...*buckets) *deviceClocks {
	if !isWallClock(r.zone) {
		return nil
	}
	d := &deviceClocks{home: r.scope.Zone, since: forever, until: r.now}
	for _, b := range ranges {
		if b != nil {
			d.since, d.until = earliest(d.since, b.from()), latest(d.until, b.to())
		}
	}
	d.since, d.until = d.since.AddDate(0, 0, -clockDays), d.until.AddDate(3, 0, 0)
	return d
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// always is the same with readings that are right however old the event is.
func (d *deviceClocks) always() *deviceClocks {
	if d == nil {
		return nil
	}
	return &deviceClocks{home: d.home, since: time.Unix(0, 0), until: d.until}
}

// clocked is how the column "clock" comes to the events of a piece: the reading of the device's clock.
type clocked struct {
	home *time.Location
	// from and to are between when readings have to be right.
	from, to time.Time
	// days is a predicate on the days of all events of the piece.
	days string
	// where are conditions on "clock".
	where []string
}

// clock notes that the source must have the readings, and returns the name of their column.
func (c *compiler) clock() string {
	if !c.clocked {
		c.clocked = true
		c.column("time")
		c.column("timezone")
		c.derived = append(c.derived, "clock")
	}
	return "clock"
}

// withClock is a relation of events with their readings. Zones are few, and so are the stretches of time in which one has
// the same offset: a join with these finds it.
func (c *compiler) withClock(base string, k *clocked) string {
	at := c.dialect.Micros("time")
	home := shiftAt(at, stretchesIn(k.home, k.from, k.to))
	list := stretchesOf(c.cut.deviceZones(k.days), k.from, k.to)
	out := "SELECT e.*, " + c.dialect.Later("time", home) + " AS clock FROM " + base + " AS e"
	if len(list) > 0 {
		out = "SELECT e.*, " + c.dialect.Later("time", "coalesce(clock_shift, "+home+")") + " AS clock FROM " + base + " AS e LEFT JOIN " +
			c.stretches(list) + " AS z ON clock_zone = timezone AND " + at + " >= clock_from AND " + at + " < clock_to"
	}
	if len(k.where) > 0 {
		out = "SELECT * FROM (" + out + ") AS e WHERE " + strings.Join(k.where, " AND ")
	}
	return "(" + out + ")"
}

// stretches is the relation of some stretches.
func (c *compiler) stretches(list []clockStretch) string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	column := func(number func(*clockStretch) int64) string {
		var b strings.Builder
		writePick(&b, "clock_place", 1, list, number)
		return b.String()
	}
	return "(SELECT clock_zone, " + column(func(s *clockStretch) int64 { return s.begin }) + " AS clock_from, " +
		column(func(s *clockStretch) int64 { return s.end }) + " AS clock_to, " + column(func(s *clockStretch) int64 { return s.shift }) +
		" AS clock_shift FROM " + c.dialect.Numbered(c.bind(names), len(list), "clock_place", "clock_zone") + ")"
}

// writePick writes SQL for the number of the stretch at a place, of which the first one is that of the list.
func writePick(b *strings.Builder, place string, first int, list []clockStretch, number func(*clockStretch) int64) {
	if len(list) == 1 {
		b.WriteString(strconv.FormatInt(number(&list[0]), 10))
		return
	}
	half := len(list) / 2
	b.WriteString("CASE WHEN " + place + " < " + strconv.Itoa(first+half) + " THEN ")
	writePick(b, place, first, list[:half], number)
	b.WriteString(" ELSE ")
	writePick(b, place, first+half, list[half:], number)
	b.WriteString(" END")
}

// clockStretch is a time [begin, end) in which the clocks of a zone are shift ahead of UTC. All are in microseconds.
type clockStretch struct {
	name              string
	begin, end, shift int64
}

// stretchesOf are those of all names that are one of a zone.
func stretchesOf(names []string, from, to time.Time) (out []clockStretch) {
	for _, name := range names {
		if zone, ok := deviceZone(name); ok {
			out = append(out, stretchesIn(zone, from, to)...)
		}
	}
	return out
}

// stretchesIn are those between two moments; the first one begins, and the last one ends, with all time.
func stretchesIn(zone *time.Location, from, to time.Time) (out []clockStretch) {
	for at := from.In(zone); ; {
		begin, end := at.ZoneBounds()
		_, offset := at.Zone()
		s := clockStretch{name: zone.String(), begin: -endless, end: endless, shift: int64(offset) * 1e6}
		if len(out) > 0 {
			s.begin = begin.UnixMicro()
		}
		if end.IsZero() || end.After(to) {
			return append(out, s)
		}
		s.end = end.UnixMicro()
		out, at = append(out, s), end
	}
}

// shiftAt is SQL for the shift at a time, by the stretches of one zone.
func shiftAt(at string, list []clockStretch) string {
	last := len(list) - 1
	if last == 0 {
		return strconv.FormatInt(list[0].shift, 10)
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, s := range list[:last] {
		fmt.Fprintf(&b, " WHEN %s < %d THEN %d", at, s.end, s.shift)
	}
	fmt.Fprintf(&b, " ELSE %d END", list[last].shift)
	return b.String()
}

// deviceZone is the zone that a device has named. Only names of the IANA database are taken: what else there is means
// different things on different machines.
func deviceZone(name string) (*time.Location, bool) {
	if name == "" || len(name) > maxZoneName || name[0] < 'A' || name[0] > 'Z' || name == "Local" || name == "Factory" {
		return nil, false
	}
	for _, r := range name {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/_+-", r) {
			return nil, false
		}
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// deviceZones are the names of zones that the events of some days have, those of most events first, and no more than
// maxDeviceZones. An error comes with the next statement.
func (c *peopledCut) deviceZones(days string) []string {
	if names, ok := c.zones[days]; ok {
		return names
	}
	sql := "SELECT timezone FROM " + c.Events("timezone", "day") + " WHERE timezone IS NOT NULL AND " + days +
		" GROUP BY timezone ORDER BY count(*) DESC, timezone LIMIT " + strconv.Itoa(maxDeviceZones)
	var names []string
	for row, err := range c.engine.rows(c.ctx, c, "zones of devices", sql, nil) {
		if err != nil {
			c.failed = errors.Join(c.failed, err)
			return nil
		}
		if name, ok := row[0].(string); ok {
			names = append(names, name)
		}
	}
	if c.zones == nil {
		c.zones = map[string][]string{}
	}
	c.zones[days] = names
	return names
}
