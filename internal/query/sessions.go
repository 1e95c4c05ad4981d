package query

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/query/session"
)

// Sessions asks how many sessions there are, how long they last and how many are left at once. What a session is stands
// in session.go; it counts in the interval in which it begins.
//
// A field that is left out takes its default, or that of the preset; the answer repeats the question with every field
// filled in.
type Sessions struct {
	// Kind is "sessions".
	Kind string `json:"kind,omitempty"`
	// Preset is one of Presets.
	Preset   string `json:"preset,omitempty"`
	Range    Range  `json:"range"`
	Timezone string `json:"timezone,omitempty"`
	// SignedOut says whose the events of an id are that somebody has signed out of, one of SignedOuts.
	SignedOut string `json:"signed_out,omitempty"`
	// WeekStart is a weekday; default the project's.
	WeekStart string `json:"week_start,omitempty"`
	// Interval is minute, hour, day (default), week or month.
	Interval string `json:"interval,omitempty"`
	// Holding is an event that a session must hold to count; default any.
	Holding *Selector `json:"holding,omitempty"`
	// Where must hold for that event, too.
	Where *Filter `json:"where,omitempty"`
	// Duration and EventCount bound the sessions that count.
	Duration   *SessionLength `json:"duration,omitempty"`
	EventCount *SessionCount  `json:"event_count,omitempty"`
	// Measures are more numbers of every session, up to five.
	Measures []SessionMeasure `json:"measures,omitempty"`
	// Show is one of SessionViews; default the numbers by bucket.
	Show string `json:"show,omitempty"`
	// By is one of SessionRules.
	By string `json:"by,omitempty"`
	// Gap is the longest pause within a session of events without an id; default the project's.
	Gap string `json:"gap,omitempty"`
	// Background is the longest pause after an event by which the app went into the background; default the gap.
	Background string `json:"background,omitempty"`
	// Midnight is "continue", or "cut", which ends every session with its local day.
	Midnight string `json:"midnight,omitempty"`
	// Breakdown splits the sessions by values of their first or last event, as Attribution says.
	Breakdown      []Breakdown `json:"breakdown,omitempty"`
	BreakdownLimit int         `json:"breakdown_limit,omitempty"`
	// Attribution is one of SessionAttributions.
	Attribution string `json:"attribution,omitempty"`
}

const (
	sessionsByClient = "client"
	sessionsByGap    = "gap"

	midnightContinue = "continue"
	midnightCut      = "cut"

	attributeEntry = "first_event"
	attributeExit  = "last_event"

	maxGap = 24 * time.Hour
	// sessionNumbers is how many numbers SessionsNumbers has.
	sessionNumbers = 7
)

// SessionRules lists what makes a session: a sane id of the client, and for events without one the gap; or the gap alone.
func SessionRules() []string { return []string{sessionsByClient, sessionsByGap} }

// SessionAttributions lists which event a session has its values from.
func SessionAttributions() []string { return []string{attributeEntry, attributeExit} }

// ResolvedSessions is a question with every default filled in and every relative time made absolute.
type ResolvedSessions struct {
	Sessions
	Resolution
	config session.Config
}

// ResolveSessions checks a question and fills in its defaults. The question is not changed.
func (e *Engine) ResolveSessions(s Scope, q *Sessions) (*ResolvedSessions, error) {
	out := &ResolvedSessions{Sessions: *q}
	err := e.resolving(func(ctx context.Context) error { return out.resolve(ctx, e, s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *ResolvedSessions) resolve(ctx context.Context, e *Engine, s Scope) error {
	q := &r.Sessions
	f, err := e.frameOf(s, frame{&q.Kind, &q.Preset, &q.Timezone, &q.SignedOut, &q.WeekStart, &q.Interval, &q.Range, &q.Where}, "sessions", Intervals())
	if err != nil {
		return err
	}
	q.defaults(s.SessionGap)
	if q.Holding == nil {
		q.Holding = &Selector{}
	}
	holding, err := f.check.selector(*q.Holding, "holding")
	if err != nil {
		return err
	}
	q.Holding = &holding
	for _, step := range []func() error{
		q.words, r.gaps, r.bounds,
		func() error { return r.measures(&f.check) },
		func() error { return f.breakdowns(&q.Breakdown, &q.BreakdownLimit) },
		func() error { return f.cutRange(ctx) },
		func() error {
			return f.groupsFit(len(q.Breakdown), q.BreakdownLimit, (sessionNumbers+measureNumbers*len(q.Measures))*f.buckets.len()+histogramBins)
		},
		func() error { return f.properties(ctx) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if q.Midnight == midnightCut && isWallClock(f.zone) {
		return invalid("midnight", "device_midnight", "the clocks of devices do not say when a session ends: with the timezone device sessions go on at midnight; take a time zone or midnight continue")
	}
	r.Resolution = Resolution{zone: f.zone, clocks: f.clocksOf(&f.buckets), known: f.known, buckets: f.buckets, casts: f.check.casts()}
	r.configure()
	r.key, err = f.keyOf(q, int64(f.buckets.ended))
	return err
}

// defaults fills in what the preset or we would.
func (q *Sessions) defaults(gap time.Duration) {
	if q.Preset == presetMixpanel {
		fill(&q.By, sessionsByGap)
		fill(&q.Midnight, midnightCut)
	}
	if q.Preset != "" {
		gap = 30 * time.Minute
	}
	fill(&q.Show, showSessionTrend)
	fill(&q.By, sessionsByClient)
	fill(&q.Midnight, midnightContinue)
	fill(&q.Gap, spell(gap))
	if q.Preset == presetAmplitude {
		fill(&q.Background, spell(5*time.Minute))
	}
	fill(&q.Background, q.Gap)
	if len(q.Breakdown) > 0 {
		fill(&q.Attribution, attributeEntry)
	}
}

func (q *Sessions) words() error {
	if err := oneOf("show", q.Show, SessionViews()); err != nil {
		return err
	}
	if err := oneOf("by", q.By, SessionRules()); err != nil {
		return err
	}
	if err := oneOf("midnight", q.Midnight, []string{midnightContinue, midnightCut}); err != nil {
		return err
	}
	if len(q.Breakdown) > 0 {
		return oneOf("attribution", q.Attribution, SessionAttributions())
	}
	if q.Attribution != "" {
		return invalid("attribution", "misplaced_attribution", "attribution is for a breakdown only")
	}
	return nil
}

func (r *ResolvedSessions) gaps() error {
	for _, g := range []struct {
		field, text string
		us          *int64
	}{{"gap", r.Gap, &r.config.Gap}, {"background", r.Background, &r.config.Away}} {
		d, err := duration(g.field, g.text)
		if err != nil {
			return err
		}
		if d > maxGap {
			return invalid(g.field, "bad_duration", "%s is %s, it may be 24h at most", g.field, quoteShort(g.text))
		}
		*g.us = d.Microseconds()
	}
	if r.config.Away != r.config.Gap {
		r.config.Left = 2
	}
	return nil
}

// configure sets the machine up.
func (r *ResolvedSessions) configure() {
	c := &r.config
	c.Hit, c.Last, c.Measures, c.Clock = 1, r.Attribution == attributeExit, len(r.Measures), r.clocks.clock()
	for _, e := range r.buckets.edges {
		c.Edges = append(c.Edges, e.UnixMicro())
	}
	if r.Midnight != midnightCut {
		return
	}
	// Sessions that count begin in the range and are cut at the first midnight after that.
	last := dayOf(r.buckets.to(), r.zone).add(2)
	for d := dayOf(r.begin(), r.zone); d != last; d = d.add(1) {
		c.Cuts = append(c.Cuts, d.start(r.zone).UnixMicro())
	}
}
