package query

import (
	"strconv"
	"strings"
	"time"
)

// durationUnits are those of a question; the longer ones stand first where one ends like another.
var durationUnits = [...]struct {
	name string
	unit time.Duration
}{{"min", time.Minute}, {"s", time.Second}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}}

// maxDuration is the longest that a question may name.
const maxDuration = 3 * 366 * 24 * time.Hour

// duration reads a whole number and a unit.
func duration(field, s string) (time.Duration, error) {
	for _, u := range durationUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if d := time.Duration(n) * u.unit; err == nil && digits[0] != '+' && n > 0 && n <= uint64(maxDuration/u.unit) {
			return d, nil
		}
	}
	return 0, invalid(field, "bad_duration", "%s is no duration; write 30s, 90min, 12h, 7d or 2w, at most three years", quoteShort(s))
}

// spell writes a duration as duration reads it, with the longest unit up to a day that divides it.
func spell(d time.Duration) string {
	best := durationUnits[1]
	for _, u := range durationUnits {
		if u.unit >= best.unit && u.unit <= 24*time.Hour && d%u.unit == 0 {
			best = u
		}
	}
	return strconv.FormatInt(int64(d/best.unit), 10) + best.name
}
