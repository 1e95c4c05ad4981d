package query

import (
	"fmt"
	"strings"
	"time"
)

func (r *Resolved) kind() string           { return "trends" }
func (r *ResolvedFunnel) kind() string     { return "funnel" }
func (r *ResolvedRetention) kind() string  { return "retention" }
func (r *ResolvedLifecycle) kind() string  { return "lifecycle" }
func (r *ResolvedStickiness) kind() string { return "stickiness" }
func (r *ResolvedPaths) kind() string      { return "paths" }
func (r *ResolvedSessions) kind() string   { return "sessions" }

// told are sentences, of which only those that hold are said.
type told []string

func (t *told) say(holds bool, format string, args ...any) {
	if holds {
		*t = append(*t, fmt.Sprintf(format, args...))
	}
}

// spoken is a selector in words.
func spoken(s *Selector) string {
	words := "any event"
	if s != nil && len(s.Events) > 0 {
		words = strings.Join(s.Events, " or ")
	}
	if s != nil && s.Where != nil {
		words += " under its own condition"
	}
	return words
}

// moment is a time in the zone of a question.
func moment(t time.Time, zone *time.Location) string { return spelledTime(t, zone, time.RFC3339) }

// span is the half-open range of a question.
func (r *Resolution) span() string {
	return fmt.Sprintf("from %s up to %s", moment(r.buckets.from(), r.zone), moment(r.buckets.to(), r.zone))
}

// split says how the values of a breakdown become groups.
func (t *told) split(breakdowns, limit int, taken string) {
	t.say(breakdowns > 0, "%s The %d values with most are groups of their own, all others are $other together.", taken, limit)
}

// How implements Asked.
func (r *Resolved) How() []string {
	var t told
	t.say(true, "The statement of a series counts by bucket, 0 for the first, from %s up to %s. Column part says what a row is: 0 the name of a group, 1 a number of a bucket, 2 a total that is no sum of buckets, 3 what a bucket has that none before it had, 4 a number of a bucket with its group beside it.",
		moment(r.buckets.from(), r.zone), moment(r.buckets.to(), r.zone))
	t.say(len(r.Breakdown) > 0, "k is the place of a group among the %d with the greatest totals, 0 is $other: all the rest.", r.BreakdownLimit)
	t.say(r.compare != nil, "The same is asked of the earlier range, with the groups that the range has.")
	for i := range r.Formulas {
		t.say(true, "Formula %s is computed bucket by bucket: %s.", r.Formulas[i].ID, r.Formulas[i].Expression)
	}
	t.say(r.Rolling > 0, "Each value is replaced by the mean of the last %d buckets.", r.Rolling)
	return t
}

// How implements Asked.
func (r *ResolvedFunnel) How() []string {
	var t told
	unit := r.Unit
	if unit == unitValue {
		unit = "set of equal values"
	}
	t.say(true, "Rows are put together by actor, which is the %s, and followed in the order of time, then of arrival. Bit 0 of matched is step 1, bit 1 is step 2, and so on; behind the steps come the exclusions.", unit)
	names := make([]string, len(r.Steps))
	for i := range r.Steps {
		names[i] = fmt.Sprintf("%d. %s", i+1, spoken(&r.Steps[i].Selector))
		if r.Steps[i].Optional {
			names[i] += " (may be left out)"
		}
		if r.Steps[i].Window != "" {
			names[i] += " (within " + r.Steps[i].Window + " of the step before)"
		}
	}
	t.say(true, "Steps: %s.", strings.Join(names, "; "))
	t.say(true, "A funnel is entered by step 1, %s, and has %s from then on, the end included.", r.span(), r.Window)
	t.say(true, "%s", map[string]string{
		orderSequential: "Steps come in their order; other events between them do not matter.",
		orderStrict:     "Steps come in their order, and no other " + r.disturbing() + " of the actor lies between them.",
		orderAny:        "Steps may come in any order.",
	}[r.Order])
	t.say(true, "%s", map[string]string{
		entryBest:  "Of all entries of an actor the one counts that comes farthest, and of those the earliest.",
		entryFirst: "Only the first entry of an actor counts.",
		entryEvery: "Every entry counts that begins after the one before has ended.",
	}[r.Entry])
	for i := range r.Exclusions {
		x := &r.Exclusions[i]
		t.say(true, "Between steps %d and %d must not happen: %s.", x.From, x.To, spoken(&x.Selector))
	}
	t.say(len(r.Exclusions) > 0 && r.ExclusionEffect == effectStop, "Who does it all the same stays at the step before.")
	t.say(len(r.Exclusions) > 0 && r.ExclusionEffect == effectDrop, "Who does it all the same is in no step.")
	t.say(len(r.Hold) > 0, "All steps of an entry have the same values of %s.", refs(r.Hold))
	t.say(r.Tie != tieNone, "Events that are no further apart than %s may stand in either order.", r.Tie)
	t.say(true, "Who is not through is open while the window runs, told for %s, and dropped after it.", moment(r.asOf, r.clocks.zoneOr(r.zone)))
	t.say(r.Mature, "Who is open is left out.")
	t.split(len(r.Breakdown), r.BreakdownLimit, "An entry has the value of the breakdown by the rule "+r.Attribution+".")
	t.say(r.compare != nil, "The same is asked of the earlier range.")
	return t
}

func refs(list []PropertyRef) string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Property
	}
	return strings.Join(names, ", ")
}

// How implements Asked.
func (r *ResolvedRetention) How() []string {
	var t told
	t.say(true, "Rows are put together by person and followed in the order of time. With two selectors, bit 0 of matched is the start event, bit 1 the return event.")
	t.say(true, "Start: %s. Return: %s.", spoken(&r.Start), spoken(r.Return))
	t.say(true, "%s", map[string]string{
		cohortInRange:   "A person is in the cohort of the interval with their first start event in the range, " + r.span() + ".",
		cohortFirst:     "A person is in the cohort of the interval with their first start event ever, if that lies in the range, " + r.span() + ".",
		cohortRecurring: "A person is in the cohort of every interval that has a start event of theirs, " + r.span() + ".",
	}[r.Cohort])
	t.say(true, "%s", map[string]string{
		clockCalendar: "Offsets are intervals of the calendar, each a " + r.Interval + ": 0 is that of the start event.",
		clockRolling:  "Offsets are elapsed time since the start event, in units of a " + r.Interval + ".",
		clockHours:    "Offsets are elapsed time since the full hour of the start event, in units of a " + r.Interval + ".",
	}[r.Clock])
	t.say(true, "%s", map[string]string{
		typeOn:       "A cell counts who has a return event at its offset.",
		typeOnAfter:  "A cell counts who has a return event at its offset or any later one.",
		typeBrackets: "A cell counts who has a return event at any offset of its bracket.",
	}[r.Type])
	t.say(r.Zero == zeroAll, "At offset 0 is all of the cohort.")
	t.say(r.Zero == zeroReturned, "At offset 0 is who came back after the start event.")
	t.split(len(r.Breakdown), r.BreakdownLimit, map[string]string{
		attributeStart: "A person has the value of the start event.",
		attributeBoth:  "Start and return event must have the same value.",
	}[r.Attribution])
	return t
}

// How implements Asked.
func (r *ResolvedLifecycle) How() []string {
	var t told
	t.say(true, "Rows are put together by person. Active is who has an active event (%s) in an interval, each a %s; the range is %s, in whole intervals, and the one before is looked at too.",
		spoken(&r.Active), r.Interval, r.span())
	t.say(r.NewBy == newByActive, "New is whose first active event ever lies in the interval.")
	t.say(r.NewBy == newByAny, "New is whose first event of any kind lies in the interval.")
	t.say(true, "Returning was active in the interval before, too; resurrecting was not, but earlier; dormant was active in the interval before and is not now.")
	t.split(len(r.Breakdown), r.BreakdownLimit, "A person has the value of their first active event in the range or the interval before.")
	return t
}

// How implements Asked.
func (r *ResolvedStickiness) How() []string {
	var t told
	t.say(true, "Rows are put together by person. Active in an interval, each a %s, is who has %d or more active events (%s) in it; the range is %s.",
		r.Interval, max(r.Times, 1), spoken(&r.Active), r.span())
	t.say(r.Mode == stickyExact, "A bar counts who is active in exactly so many intervals.")
	t.say(r.Mode == stickyCumulative, "A bar counts who is active in so many intervals or more.")
	t.say(r.Mode == stickyRatio, "For each day, who is active on it is divided by who is active in the %d days up to it.", r.Days)
	t.say(r.Window != "", "Each %s of the range is counted for itself.", r.Window)
	t.split(len(r.Breakdown), r.BreakdownLimit, "A person has the value of their first active event.")
	return t
}

// How implements Asked.
func (r *ResolvedPaths) How() []string {
	var t told
	t.say(true, "Rows are put together by person and followed in the order of time, then of arrival. A step is the value of %s.", r.Node.Property)
	for _, d := range []struct {
		words string
		s     *Selector
	}{{"lead from", r.From}, {"lead to", r.To}, {"lead through", r.Through}} {
		t.say(d.s != nil, "Paths %s: %s, %s.", d.words, spoken(d.s), r.span())
	}
	t.say(r.anchor() == nil, "Paths begin with the first step %s.", r.span())
	t.say(true, "%s", map[string]string{
		unitActors:      "Every person has one path.",
		unitSessions:    "Every session of a person has one path.",
		unitTransitions: "Every event that paths lead from or to has one path.",
	}[r.Unit])
	t.say(true, "A path has %d steps beyond its first at most and lies within %s.", r.Depth, r.Window)
	t.say(r.Unit == unitSessions, "A session ends with a pause of more than %s.", r.Gap)
	t.say(r.CollapseRepeats, "Equal steps in a row are one.")
	t.say(true, "Each step shows its %d most frequent values; all others are $other.", r.Nodes)
	t.split(len(r.Breakdown), r.BreakdownLimit, "A path has the value of the event that it leads from or to; every step shows the same values in all groups.")
	return t
}

// How implements Asked.
func (r *ResolvedSessions) How() []string {
	var t told
	t.say(r.By == sessionsByClient, "Events with a session id that is on one device only, and spans no more than %d hours, are the session of that id; other events of a device are one session as long as no pause is longer than %s.", maxSessionHours, r.Gap)
	t.say(r.By == sessionsByGap, "Events of a device are one session as long as no pause is longer than %s.", r.Gap)
	t.say(r.Midnight == midnightCut, "A session ends with its local day.")
	t.say(true, "A session counts in the %s in which it begins, %s, if it has an event that is wanted: %s.", r.Interval, r.span(), spoken(r.Holding))
	t.say(r.Duration != nil || r.EventCount != nil, "Sessions that are too short or too long, or have too few or too many events, do not count.")
	for i := range r.Measures {
		m := &r.Measures[i]
		t.say(m.Property == "", "%s: how many events a session has: %s.", m.Label, spoken(&m.Selector))
		t.say(m.Property != "", "%s: the sum of %s in a session: %s.", m.Label, m.Property, spoken(&m.Selector))
	}
	t.split(len(r.Breakdown), r.BreakdownLimit, map[string]string{
		attributeEntry: "A session has the value of its first event.",
		attributeExit:  "A session has the value of its last event.",
	}[r.Attribution])
	return t
}

// disturbing is what disturbs a strict order.
func (r *ResolvedFunnel) disturbing() string {
	what := "event"
	if r.Visible == visibleActions {
		what = "event that people cause (none of identity, sessions, pushes and heartbeats)"
	}
	if len(r.Ignore) > 0 {
		what += ", but for " + strings.Join(r.Ignore, ", ") + ","
	}
	return what
}
