package query

import (
	"time"

	"github.com/freshet/freshet/internal/store"
)

// Funnel asks how many come from one step to the next within a window.
//
// A field that is left out takes its default, or that of the preset; the answer repeats the question with every field
// filled in. Durations are written as 30s, 90min, 12h, 7d or 2w and are elapsed time: a day is 24 hours.
type Funnel struct {
	// Kind is "funnel".
	Kind string `json:"kind,omitempty"`
	// Preset is one of Presets.
	Preset string `json:"preset,omitempty"`
	// Range bounds when a funnel is entered.
	Range    Range  `json:"range"`
	Timezone string `json:"timezone,omitempty"`
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts.
	SignedOut string `json:"signed_out,omitempty"`
	// WeekStart is a weekday; default the project's.
	WeekStart string `json:"week_start,omitempty"`
	// Steps are 1 to 20.
	Steps []FunnelStep `json:"steps"`
	// Where holds for all steps, for exclusions and for what disturbs a strict order.
	Where *Filter `json:"where,omitempty"`
	// Order is one of FunnelOrders.
	Order string `json:"order,omitempty"`
	// Visible says which other events disturb a strict order, one of FunnelSights; it is left out of other orders.
	Visible string `json:"visible,omitempty"`
	// Ignore names up to 100 events that do not disturb a strict order either.
	Ignore []string `json:"ignore,omitempty"`
	// Window is how long after its entry a funnel may take, the end included.
	Window string `json:"window,omitempty"`
	// Within is "entry", which lets a funnel that was entered in the range end after it, or "all_steps".
	Within string `json:"within,omitempty"`
	// Entry is one of FunnelEntries.
	Entry string `json:"entry,omitempty"`
	// Tie is one of FunnelTies.
	Tie        string            `json:"tie,omitempty"`
	Exclusions []FunnelExclusion `json:"exclusions,omitempty"`
	// ExclusionEffect is one of FunnelEffects.
	ExclusionEffect string `json:"exclusion_effect,omitempty"`
	// Hold are up to three properties whose values must be the same at all steps.
	Hold []PropertyRef `json:"hold,omitempty"`
	// HoldCounts is "unit", which counts a unit once, or "value", once for every value that it holds.
	HoldCounts string `json:"hold_counts,omitempty"`
	// Unit is one of FunnelUnits.
	Unit string `json:"unit,omitempty"`
	// UnitBy are for unit expression one to three properties: all events with the same values are one unit.
	UnitBy []PropertyRef `json:"unit_by,omitempty"`
	// Mature leaves out who may still convert.
	Mature bool `json:"mature,omitempty"`
	// Show is one of FunnelViews.
	Show string `json:"show,omitempty"`
	// Interval is that of the trend: hour, day, week or month.
	Interval string `json:"interval,omitempty"`
	// ConvertFrom and ConvertTo are the steps between which time_to_convert measures; default the first and the last.
	ConvertFrom int `json:"convert_from,omitempty"`
	ConvertTo   int `json:"convert_to,omitempty"`
	// Windows are those that show window asks for: up to 20.
	Windows []string `json:"windows,omitempty"`
	// Breakdown splits the funnel by the values of up to three properties, taken as Attribution says.
	Breakdown      []Breakdown `json:"breakdown,omitempty"`
	BreakdownLimit int         `json:"breakdown_limit,omitempty"`
	// Attribution is one of FunnelAttributions, AttributionStep the one of attribution step.
	Attribution     string `json:"attribution,omitempty"`
	AttributionStep int    `json:"attribution_step,omitempty"`
	// Compare adds the funnel of an earlier range: "previous" or "year".
	Compare string `json:"compare,omitempty"`
}

// FunnelStep is one step: any event that its selector means.
type FunnelStep struct {
	Selector
	Label string `json:"label,omitempty"`
	// Optional lets a funnel go on without the step; not for the first one, and only in sequence.
	Optional bool `json:"optional,omitempty"`
	// Anchored keeps the step in its place when the order is any.
	Anchored bool `json:"anchored,omitempty"`
	// Window bounds the time since the step before.
	Window string `json:"window,omitempty"`
}

// FunnelExclusion is an event that must not happen after step From and before step To, 1 and up; default the first and
// the last.
type FunnelExclusion struct {
	Selector
	From int `json:"from,omitempty"`
	To   int `json:"to,omitempty"`
}

const (
	orderSequential = "sequential"
	orderStrict     = "strict"
	orderAny        = "any"

	visibleActions = "actions"
	visibleAll     = "all"

	withinEntry = "entry"
	withinAll   = "all_steps"

	entryBest  = "best"
	entryFirst = "first"
	entryEvery = "every"

	tieNone   = "0s"
	tieOne    = "1s"
	tieTwo    = "2s"
	tieSecond = "second"

	effectStop = "stop_here"
	effectDrop = "drop_actor"

	holdUnit  = "unit"
	holdValue = "value"

	unitPerson  = "person"
	unitSession = "session"
	unitDevice  = "device"
	unitGroup   = "group"
	// unitValue is whatever has the same values of UnitBy.
	unitValue = "expression"

	showSteps  = "steps"
	showTrend  = "trend"
	showTime   = "time_to_convert"
	showWindow = "window"

	attributeFirst   = "first_step"
	attributeLast    = "last_step"
	attributeStep    = "step"
	attributeDefined = "first_defined"
	attributeEqual   = "all_equal"
)

// FunnelOrders lists in what order steps must come: one after the other, with nothing visible in between, or in any.
func FunnelOrders() []string { return []string{orderSequential, orderStrict, orderAny} }

// FunnelSights lists what disturbs a strict order: what people do, or all events there are.
func FunnelSights() []string { return []string{visibleActions, visibleAll} }

// FunnelEntries lists which entries of a unit count: the one that came farthest, only the first, or every one that
// begins after the one before has ended.
func FunnelEntries() []string { return []string{entryBest, entryFirst, entryEvery} }

// FunnelTies lists up to which distance two events may be taken in either order; "second" cuts times to whole seconds.
func FunnelTies() []string { return []string{tieNone, tieOne, tieTwo, tieSecond} }

// FunnelEffects lists what an exclusion does: a unit stays where it is, or is in no step at all.
func FunnelEffects() []string { return []string{effectStop, effectDrop} }

// FunnelUnits lists what is counted.
func FunnelUnits() []string {
	return []string{unitPerson, unitSession, unitDevice, unitGroup, unitValue}
}

// FunnelViews lists what may be shown: the steps, conversion by the interval of entry, how long it takes, or conversion as a
// function of the window.
func FunnelViews() []string { return []string{showSteps, showTrend, showTime, showWindow} }

// FunnelAttributions lists at which step the value of a breakdown is taken.
func FunnelAttributions() []string {
	return []string{attributeFirst, attributeLast, attributeStep, attributeDefined, attributeEqual}
}

// FunnelAnswer is what comes back for Funnel.
type FunnelAnswer struct {
	Kind  string      `json:"kind"`
	Range AnswerRange `json:"range"`
	// Groups has one a value of the breakdown, or a single one.
	Groups       []FunnelGroup `json:"groups"`
	CompareRange *AnswerRange  `json:"compare_range,omitempty"`
	// AsOf is the moment that open and dropped are told for: when the server received the newest event, in whole minutes,
	// but no later than anybody may still convert.
	AsOf time.Time `json:"as_of"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed []Unparsed `json:"unparsed,omitempty"`
	// Question is what was asked, with every default filled in.
	Question  Funnel          `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// FunnelCounts is how many entered and what became of them: Entered = Converted + Dropped + Open.
type FunnelCounts struct {
	Entered   int64 `json:"entered"`
	Converted int64 `json:"converted"`
	// Dropped are those whose window is over, Open those who may still convert.
	Dropped int64 `json:"dropped"`
	Open    int64 `json:"open"`
	// Rate is Converted / (Converted + Dropped), RateAll is Converted / Entered; null of no one.
	Rate    *float64 `json:"rate"`
	RateAll *float64 `json:"rate_all"`
}

// FunnelGroup is the funnel of one value of the breakdown.
type FunnelGroup struct {
	Breakdown []any `json:"breakdown,omitempty"`
	FunnelCounts
	Steps         []FunnelReached `json:"steps"`
	Trend         []FunnelPoint   `json:"trend,omitempty"`
	TimeToConvert *FunnelTimes    `json:"time_to_convert,omitempty"`
	Windows       []FunnelWindow  `json:"windows,omitempty"`
	Compare       *FunnelGroup    `json:"compare,omitempty"`
}

// FunnelReached is how many reached a step.
type FunnelReached struct {
	Label string `json:"label"`
	Count int64  `json:"count"`
	// Rate is the share of those who entered, FromPrevious of those at the step before that is not optional.
	Rate         *float64 `json:"rate"`
	FromPrevious *float64 `json:"from_previous"`
	// MedianMS and AverageMS are the time since that step, in milliseconds.
	MedianMS  *float64 `json:"median_ms,omitempty"`
	AverageMS *float64 `json:"average_ms,omitempty"`
}

// FunnelPoint is what became of those who entered in one interval.
type FunnelPoint struct {
	Start time.Time `json:"start"`
	// Partial tells that the interval is not over, or that somebody may still convert.
	Partial bool `json:"partial,omitempty"`
	FunnelCounts
	// Steps is how many reached each step.
	Steps []int64 `json:"steps"`
}

// FunnelTimes is how long it took from one step to another, in milliseconds. Percentiles interpolate between the two
// nearest values.
type FunnelTimes struct {
	From      int      `json:"from"`
	To        int      `json:"to"`
	Count     int64    `json:"count"`
	AverageMS *float64 `json:"average_ms"`
	MinMS     *float64 `json:"min_ms"`
	P25MS     *float64 `json:"p25_ms"`
	MedianMS  *float64 `json:"median_ms"`
	P75MS     *float64 `json:"p75_ms"`
	P90MS     *float64 `json:"p90_ms"`
	P95MS     *float64 `json:"p95_ms"`
	P99MS     *float64 `json:"p99_ms"`
	MaxMS     *float64 `json:"max_ms"`
	// Histogram has groups of equal width from the least to the greatest time.
	Histogram []FunnelBin `json:"histogram"`
}

// FunnelBin counts the times in [FromMS, ToMS); the last one has its end, too.
type FunnelBin struct {
	FromMS float64 `json:"from_ms"`
	ToMS   float64 `json:"to_ms"`
	Count  int64   `json:"count"`
}

// FunnelWindow is the funnel with another window.
type FunnelWindow struct {
	Window string `json:"window"`
	FunnelCounts
	// KaplanMeier estimates the share of conversions within the window from the funnel of the question's own window, where
	// those who are open count as long as they were watched.
	KaplanMeier *float64 `json:"kaplan_meier"`
}
