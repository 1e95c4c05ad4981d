package query

import (
	"time"

	"github.com/freshet/freshet/internal/store"
)

// Trends asks for numbers over time: one or more series of events, each counted or measured a bucket at a time.
//
// A field that is left out takes its default; the answer repeats the question with every default filled in.
type Trends struct {
	// Kind is "trends".
	Kind  string `json:"kind,omitempty"`
	Range Range  `json:"range"`
	// Timezone is an IANA name, default the project's, or TimezoneDevice: every event stands where the clock of its device
	// stood. Days, weeks and months are cut in it.
	Timezone string `json:"timezone,omitempty"`
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts; default "next_user".
	SignedOut string `json:"signed_out,omitempty"`
	// Interval is minute, hour, day (default), week or month. Weeks begin on the project's first weekday. An hour that
	// occurs twice when clocks go back is two buckets. The first and the last bucket hold only what lies in the range.
	Interval string   `json:"interval,omitempty"`
	Series   []Series `json:"series"`
	// Formulas are computed on the series, bucket by bucket; their totals on the totals.
	Formulas []Formula `json:"formulas,omitempty"`
	// Where holds for every series, in addition to its own.
	Where *Filter `json:"where,omitempty"`
	// Breakdown splits every series by the values of up to three properties.
	Breakdown []Breakdown `json:"breakdown,omitempty"`
	// BreakdownLimit is how many values are shown, 1 to 1,000, default 25. Each series keeps the values with the
	// greatest totals (equal totals: in the order of the values as text); all others are one more line, "$other". A missing
	// value, "$none", competes like any other. With formulas, the first series decides for all.
	BreakdownLimit int `json:"breakdown_limit,omitempty"`
	// Compare adds the same question for an earlier range: "previous", the same number of buckets right before, or
	// "year", the same local dates a year before. Every bucket of the question has one there. See compareRange.
	Compare string `json:"compare,omitempty"`
	// Cumulative makes each value that of the range up to the end of the bucket: people who come back are counted
	// once. Not for active users, percentiles, or together with Rolling.
	Cumulative bool `json:"cumulative,omitempty"`
	// Rolling replaces each value by the mean of the last so many buckets, its own included, 2 to 366. Near the
	// beginning of the range there are fewer; buckets without a value are left out of the mean. Totals stay.
	Rolling int `json:"rolling,omitempty"`
}

// Range is the half-open range [From, To). Each end is an RFC 3339 time, a local time without offset, a date, or a word:
//
//   - now: this moment, rounded up to a full minute
//   - -90min -24h -7d -2w -3m -1y: so long before now, down to the beginning of that minute, hour or local day. Today
//     counts besides: "-7d" to "now" is the seven days before today and today so far. Months and years go back to the
//     same day of the month, or the last one there is.
//   - today, yesterday, this_week, last_week, this_month, last_month, this_year, last_year: as From the beginning of it,
//     as To the end of it. As From without To they are the whole of it.
//   - all (From only): the project's first event
//
// A date as To is the beginning of that day, so that two dates are a half-open range as well. From defaults to -30d,
// To to now, or to the end of From's word if that is earlier.
type Range struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Series is one line: which events, and what of them.
type Series struct {
	// ID is a letter, A to Z; default the next one in order. Formulas refer to it.
	ID string `json:"id,omitempty"`
	// Label is shown; default the names of the events.
	Label string `json:"label,omitempty"`
	// Events are names, any of which counts; none means all events. A name that never occurred counts 0.
	Events []string `json:"events,omitempty"`
	// Aggregate is one of Aggregates; default total.
	Aggregate string `json:"aggregate,omitempty"`
	// Property is what is measured, for sum to p99 and distinct.
	Property string `json:"property,omitempty"`
	// As is "number" to read text as the number that it is.
	As string `json:"as,omitempty"`
	// Clock is for wau and mau one of ActiveClocks; default rolling.
	Clock string  `json:"clock,omitempty"`
	Where *Filter `json:"where,omitempty"`
}

// The aggregates of a series.
const (
	// AggTotal counts events.
	AggTotal = "total"
	// AggUnique counts people; the total of the range is the people of the range, not a sum.
	AggUnique = "unique"
	// AggDAU, AggWAU and AggMAU count the people of the last 1, 7 and 30 local days up to the end of the bucket's last
	// day (for hours: of the day the bucket is in), also before the range; by the calendar those of that day's week or
	// month up to then. Their total is the mean of the buckets that are over, or of all if none is.
	AggDAU = "dau"
	AggWAU = "wau"
	AggMAU = "mau"
	// AggSessions counts sessions that hold a matching event, in the bucket in which they began. See session.go.
	AggSessions = "sessions"
	// AggPerUser is total / unique; of no one it is null.
	AggPerUser = "per_user"
	// AggSum to AggP99 measure a numeric property; values of other types are left out. A sum of nothing is 0, the
	// others are null then. Percentiles interpolate between the two nearest values.
	AggSum    = "sum"
	AggAvg    = "avg"
	AggMin    = "min"
	AggMax    = "max"
	AggMedian = "median"
	AggP75    = "p75"
	AggP90    = "p90"
	AggP95    = "p95"
	AggP99    = "p99"
	// AggFirstTime counts the people whose first matching event ever falls in the bucket. With a breakdown they are
	// counted at the value of that event.
	AggFirstTime = "first_time"
	// AggDistinct counts the different values of a property; 1 and "1" are different.
	AggDistinct = "distinct"
)

// Aggregates lists the aggregates.
func Aggregates() []string {
	return []string{
		AggTotal, AggUnique, AggDAU, AggWAU, AggMAU, AggSessions, AggPerUser, AggSum, AggAvg, AggMin, AggMax,
		AggMedian, AggP75, AggP90, AggP95, AggP99, AggFirstTime, AggDistinct,
	}
}

// ActiveClocks lists from when on people are active: for the last 7 or 30 days, or since the week or month began.
func ActiveClocks() []string { return []string{clockRolling, clockCalendar} }

// Intervals lists the intervals.
func Intervals() []string { return []string{"minute", "hour", "day", "week", "month"} }

// Formula is a line computed from others.
type Formula struct {
	// ID is a letter not used by a series; default the next free one.
	ID    string `json:"id,omitempty"`
	Label string `json:"label,omitempty"`
	// Expression has numbers, ids of series, + - * / and parentheses. What is divided by zero is null, and so is
	// whatever is computed from null.
	Expression string `json:"expression"`
}

// Breakdown is one property, or cohort, to split by. At most one of Edges and Quantiles is given; both make groups of numbers,
// and what is not a number is "$none".
type Breakdown struct {
	PropertyRef
	// Cohort, a number or a name, in place of a property splits into the people who are in the cohort and those who are
	// not, wherever the event stands in time.
	Cohort string `json:"cohort,omitempty"`
	// Edges are ascending bounds: [0, 10, 100] makes "[0, 10)" and "[10, 100)", and for what lies outside "< 0" and
	// ">= 100".
	Edges []float64 `json:"edges,omitempty"`
	// Quantiles makes so many groups of about equal size, 2 to 20, out of all events of the series in the range.
	Quantiles int `json:"quantiles,omitempty"`

	cohort *boundCohort
}

// PropertyRef names a property: one of Columns (a dollar sign and a name), otherwise one that the app gave.
type PropertyRef struct {
	Property string `json:"property,omitempty"`
	// Of is "event" (default) or "person": a trait as the events of the person have left it.
	Of string `json:"of,omitempty"`
	// At says for a trait whether its latest value counts ("now", the default) or the one it had when the event
	// happened ("event"). Traits set at the very moment of the event count.
	At string `json:"at,omitempty"`
	// As is "number" to read text as the number that it is, all of it: "12.50" is 12.5. What is no number then counts as
	// not set, and the answer says how often that was. See cast.go.
	As string `json:"as,omitempty"`
}

// Filter is a condition on an event: a group of conditions, a comparison of one property, or a cohort.
//
// Comparisons are typed: text is never equal to a number, and comparing them never fails, it is just not true. A
// missing property, and one that is null, equals nothing and satisfies only the operators with "not". (is_set tells
// the two apart: null is set.) contains, starts_with and ends_with ignore case; is, in and regex do not. gt, gte, lt,
// lte and between compare numbers with numbers and text with text, byte by byte; between includes both ends. before
// and after compare values that are times in the form 2026-04-01T12:00:00.000Z, the one that JavaScript prints; the
// bound may be anything a Range may begin with. regex has RE2's syntax and matches anywhere in the text.
type Filter struct {
	And []*Filter `json:"and,omitempty"`
	Or  []*Filter `json:"or,omitempty"`
	PropertyRef
	// Cohort, a number or a name, in place of a property is a condition on the person of the event: to be in the cohort, or
	// not_in, at the moment of asking.
	Cohort string `json:"cohort,omitempty"`
	Op     string `json:"op,omitempty"`
	// Value is a text, a number or a boolean; a list of them for in and not_in; two for between; nothing for is_set
	// and is_not_set.
	Value any `json:"value,omitempty"`

	cohort *boundCohort
}

// Operators lists the operators of a Filter.
func Operators() []string {
	return []string{
		"is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "regex", "gt", "gte", "lt",
		"lte", "between", "before", "after", "is_set", "is_not_set", "in", "not_in",
	}
}

// Resolved is a question with every default filled in and every relative time made absolute.
type Resolved struct {
	Trends
	key     string
	zone    *time.Location
	clocks  *deviceClocks
	buckets buckets
	compare *buckets
	casts   []PropertyRef
}

// Key is equal for questions that mean the same, and differs otherwise. It does not hold the project.
func (r *Resolved) Key() string { return r.key }

// Answer is what comes back for Trends.
type Answer struct {
	Kind         string         `json:"kind"`
	Range        AnswerRange    `json:"range"`
	Interval     string         `json:"interval"`
	Buckets      []Bucket       `json:"buckets"`
	Series       []AnswerSeries `json:"series"`
	CompareRange *AnswerRange   `json:"compare_range,omitempty"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed []Unparsed `json:"unparsed,omitempty"`
	// Question is what was asked, with every default filled in.
	Question  Trends          `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	// Cached tells that the answer was computed earlier, for the same version of the data.
	Cached bool    `json:"cached"`
	TookMS float64 `json:"took_ms"`
}

// AnswerRange is a range as it was resolved, in its time zone.
type AnswerRange struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Timezone string    `json:"timezone"`
}

// Bucket is one interval. Start is where the interval begins on the calendar, also when the range begins later.
type Bucket struct {
	Start time.Time `json:"start"`
	// Partial: the bucket is not over yet.
	Partial bool `json:"partial,omitempty"`
}

// AnswerSeries is one line of an answer: a series or a formula, or with a breakdown one value of it.
type AnswerSeries struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	// Breakdown has one value a property: a text, a number, a boolean, "$none" or "$other"; JSON text for a nested
	// value, something like "[0, 10)" for a group of numbers, and "in" or "not in" with its name for a cohort.
	Breakdown []any `json:"breakdown,omitempty"`
	// Values has one number a bucket; null where there is none.
	Values  []*float64     `json:"values"`
	Total   *float64       `json:"total"`
	Compare *CompareSeries `json:"compare,omitempty"`
}

// CompareSeries has the values of the compared range, aligned with the buckets of the answer.
type CompareSeries struct {
	Values []*float64 `json:"values"`
	Total  *float64   `json:"total"`
}
