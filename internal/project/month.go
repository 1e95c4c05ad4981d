package project

import "time"

// Month is a month of UTC, as the number of months since year 0.
type Month int

// MonthOf is the month of a moment.
func MonthOf(t time.Time) Month {
	y, m, _ := t.UTC().Date()
	return Month(y*12 + int(m) - 1)
}

// Begin is the first moment of the month.
func (m Month) Begin() time.Time {
	return time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC)
}
