package project

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxName      = 100
	maxZone      = 64
	maxRetention = 36500
	maxGap       = 24 * 60
	defaultGap   = 30
	maxRate      = 10_000_000
	maxQuota     = 1_000_000_000_000
)

// apply returns p with the change made, or the first setting that is wrong.
func (c Change) apply(p Project) (Project, error) {
	var err error
	if c.Name != nil {
		if p.Name, err = validName(*c.Name, 1); err != nil {
			return p, err
		}
	}
	if c.Timezone != nil {
		if p.zone, err = loadZone(*c.Timezone); err != nil {
			return p, err
		}
		p.Timezone = *c.Timezone
	}
	if c.WeekStart != nil {
		if *c.WeekStart != Monday && *c.WeekStart != Sunday {
			return p, invalid("bad_week_start", "week_start", "%s is not a start of the week; it is monday or sunday", quote(*c.WeekStart))
		}
		p.WeekStart = *c.WeekStart
	}
	if c.RetentionDays != nil {
		if err := within("bad_retention", "retention_days", "days", *c.RetentionDays, 0, maxRetention); err != nil {
			return p, err
		}
		p.RetentionDays = *c.RetentionDays
	}
	if c.SessionGapMinutes != nil {
		if err := within("bad_session_gap", "session_gap_minutes", "minutes", *c.SessionGapMinutes, 1, maxGap); err != nil {
			return p, err
		}
		p.SessionGapMinutes = *c.SessionGapMinutes
	}
	if c.EventsPerSecond != nil {
		if err := within("bad_rate", "events_per_second", "events a second", *c.EventsPerSecond, 0, maxRate); err != nil {
			return p, err
		}
		p.EventsPerSecond = *c.EventsPerSecond
	}
	if c.EventsPerMonth != nil {
		if err := within("bad_quota", "events_per_month", "events a month", *c.EventsPerMonth, 0, maxQuota); err != nil {
			return p, err
		}
		if p.EventsPerMonth != *c.EventsPerMonth {
			p.EventsPerMonth, p.Spent = *c.EventsPerMonth, 0
		}
	}
	return p, nil
}

func within(code, field, unit string, v, low, high int) error {
	if v < low || v > high {
		return invalid(code, field, "%d %s; %d to %d are allowed", v, unit, low, high)
	}
	return nil
}

// validName returns the name without the blanks around it.
func validName(name string, least int) (string, error) {
	const code, field = "bad_name", "name"
	if !utf8.ValidString(name) {
		return "", invalid(code, field, "the name is not valid UTF-8")
	}
	for i, r := range name {
		// Line breaks and marks that turn the direction would let a name disguise the text beside it.
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return "", invalid(code, field, "the name has the control character %U at byte %d", r, i)
		}
	}
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n < least || n > maxName {
		return "", invalid(code, field, "the name has %d characters; %d to %d are allowed", n, least, maxName)
	}
	return name, nil
}

// loadZone takes names of the IANA database only: what else time.LoadLocation accepts means different things on
// different machines.
func loadZone(name string) (*time.Location, error) {
	bad := func() error {
		return invalid("bad_timezone", "timezone", "%s is not an IANA time zone such as Europe/Berlin or UTC", quote(name))
	}
	if name == "" || len(name) > maxZone || !unicode.IsUpper(rune(name[0])) || name == "Local" || name == "Factory" {
		return nil, bad()
	}
	for _, r := range name {
		if !isBase62(byte(r)) && !strings.ContainsRune("/_+-", r) || r >= utf8.RuneSelf {
			return nil, bad()
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, bad()
	}
	return zone, nil
}

// quote shows a value from outside in an error without repeating all of a long one.
func quote(v string) string {
	if len(v) > maxZone {
		return fmt.Sprintf("%q and %d bytes more", strings.ToValidUTF8(v[:maxZone], ""), len(v)-maxZone)
	}
	return fmt.Sprintf("%q", v)
}
