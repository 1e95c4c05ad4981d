package project

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMonths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0).In(time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "zone")))
		m := MonthOf(at)
		if begin := m.Begin(); at.Before(begin) || begin.Day() != 1 || begin.Hour() != 0 || MonthOf(begin) != m || MonthOf(begin.Add(-1)) != m-1 {
			t.Fatalf("%s is of %d, which begins %s", at, m, begin)
		}
		if next := (m + 1).Begin(); !at.Before(next) || next.Sub(m.Begin()) > 31*24*time.Hour {
			t.Fatalf("%s is of %d, and the next begins %s", at, m, next)
		}
		p := Project{EventsPerMonth: 1, Spent: m + Month(rapid.IntRange(-1, 1).Draw(t, "spent"))}
		if until, full := p.FullUntil(at); full != (p.Spent == m) || !until.Equal((m + 1).Begin()) {
			t.Fatalf("%+v at %s is full %v until %s", p, at, full, until)
		}
	})
}
