package ingest

import (
	"math"
	"strconv"

	"github.com/freshet/freshet/internal/jsontree"
)

// Time reads a client's time: ISO 8601 text or a bare number whose unit is told by its size. It returns microseconds
// since 1970 UTC, and false when there is none that can be read.
func Time(v *jsontree.Value) (int64, bool) {
	if v == nil {
		return 0, false
	}
	switch v.Type() {
	case jsontree.TypeString:
		b, _ := v.StringBytes()
		return ParseTime(alias(b))
	case jsontree.TypeNumber:
		f, err := v.Float64()
		if err != nil || !(f > 0 && f < maxEpoch) {
			return 0, false
		}
		return fromNumber(f), true
	default:
		return 0, false
	}
}

// maxEpoch is beyond every number of nanoseconds that has a year of four digits.
const maxEpoch = 3e20

// fromNumber tells seconds, milliseconds, microseconds and nanoseconds apart by size: each range covers the years 1973 to 5138.
func fromNumber(f float64) int64 {
	switch {
	case f < 1e11:
		return int64(math.Round(f * 1e6))
	case f < 1e14:
		return int64(math.Round(f * 1e3))
	case f < 1e17:
		return int64(f)
	default:
		return int64(f / 1e3)
	}
}

// ParseTime reads an ISO 8601 time with 0 to 9 fraction digits, "T" or a space, and "Z", an offset or nothing (UTC).
// A leap second becomes the last microsecond before it. Years run from 1 to 9999.
func ParseTime(s string) (int64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return parseEpoch(s)
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	midnight := daysTo(year, month, day) * 86400
	if len(s) == 10 {
		return midnight * 1e6, true
	}
	us, rest, ok := clock(s[10:])
	if !ok {
		return 0, false
	}
	offset, ok := zone(rest)
	return (midnight-offset)*1e6 + us, ok
}

// clock reads "T15:04:05.999999999" and returns the microseconds of the day and what follows.
func clock(s string) (us int64, rest string, ok bool) {
	if len(s) < 6 || (s[0] != 'T' && s[0] != 't' && s[0] != ' ') || s[3] != ':' {
		return 0, "", false
	}
	hour, ok1 := digits(s[1:3])
	minute, ok2 := digits(s[4:6])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, "", false
	}
	us = (int64(hour)*60 + int64(minute)) * 60e6
	s = s[6:]
	if len(s) < 3 || s[0] != ':' {
		return us, s, true
	}
	second, ok := digits(s[1:3])
	if !ok || second > 60 {
		return 0, "", false
	}
	s = s[3:]
	fraction, scale := int64(0), int64(1e6)
	if len(s) > 0 && (s[0] == '.' || s[0] == ',') {
		s = s[1:]
		for len(s) > 0 && s[0] >= '0' && s[0] <= '9' {
			if scale > 1 {
				scale /= 10
				fraction += int64(s[0]-'0') * scale
			}
			s = s[1:]
		}
	}
	if second == 60 {
		second, fraction = 59, 999_999
	}
	return us + int64(second)*1e6 + fraction, s, true
}

// zone reads "Z", "+02:00", "+0200", "+02" or nothing, and returns seconds east of UTC.
func zone(s string) (int64, bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	sign := int64(1)
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	s = s[1:]
	if len(s) == 5 && s[2] == ':' {
		s = s[:2] + s[3:]
	}
	if len(s) == 2 {
		s += "00"
	}
	if len(s) != 4 {
		return 0, false
	}
	hours, ok1 := digits(s[:2])
	minutes, ok2 := digits(s[2:])
	return sign * int64(hours*3600+minutes*60), ok1 && ok2 && hours <= 15 && minutes <= 59
}

func parseEpoch(s string) (int64, bool) {
	if len(s) < 9 || len(s) > 24 {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f > 0 && f < maxEpoch) {
		return 0, false
	}
	return fromNumber(f), true
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysTo is the number of days from 1970 to a date of a year from 1 on. Years are counted from March here, so that the leap
// day is the last of one.
func daysTo(year, month, day int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	const toMarch0, perFiveMonths = 719_469, 153
	return int64(365*year + year/4 - year/100 + year/400 + (perFiveMonths*(month-3)+2)/5 + day - toMarch0)
}
