package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// The presets fill in what a question leaves out as the vendor of the name would.
const (
	presetPostHog   = "posthog"
	presetMixpanel  = "mixpanel"
	presetAmplitude = "amplitude"
)

// Presets lists the presets.
func Presets() []string { return []string{presetPostHog, presetMixpanel, presetAmplitude} }

// Weekdays lists the days that a week may begin with.
func Weekdays() []string {
	out := make([]string, 7)
	for d := range out {
		out[d] = strings.ToLower(time.Weekday(d).String())
	}
	return out
}

// frame is what all behavioural questions have: pointers to the fields of one of them.
type frame struct {
	kind, preset, timezone, signedOut, weekStart, interval *string
	timeRange                                              *Range
	where                                                  **Filter
}

// framed checks and resolves the frame of a behavioural question.
type framed struct {
	*resolver
	frame
	buckets buckets
}

// frameOf fills in and checks the frame of a question, all but the range.
func (e *Engine) frameOf(s Scope, f frame, kind string, intervals []string) (*framed, error) {
	now := e.Now()
	r := &framed{resolver: &resolver{engine: e, scope: s, now: now, known: now.Add(-e.Lag(s.Project)), zone: s.Zone}, frame: f}
	if *f.kind == "" {
		*f.kind = kind
	}
	if err := oneOf("kind", *f.kind, []string{kind}); err != nil {
		return nil, err
	}
	if *f.preset != "" {
		if err := oneOf("preset", *f.preset, Presets()); err != nil {
			return nil, err
		}
	}
	if err := r.week(); err != nil {
		return nil, err
	}
	fill(f.interval, "day")
	if err := oneOf("interval", *f.interval, intervals); err != nil {
		return nil, err
	}
	if *f.preset == presetAmplitude {
		fill(f.signedOut, signedOutLast)
	}
	r.q = Trends{Timezone: *f.timezone, Interval: *f.interval, SignedOut: *f.signedOut}
	if kind == "paths" && *f.timezone == TimezoneDevice {
		return nil, devicePaths("timezone")
	}
	if err := r.head(); err != nil {
		return nil, err
	}
	*f.timezone, *f.signedOut = r.q.Timezone, r.q.SignedOut
	var err error
	*f.where, err = r.check.filter(*f.where, "where", 1)
	return r, err
}

// devicePaths refuses the clocks of devices for paths.
func devicePaths(field string) error {
	return invalid(field, "device_paths", "paths have no days that the clocks of devices could cut; take a time zone")
}

// week takes the day that weeks begin with from the question, or else from the preset or the project.
func (r *framed) week() error {
	days := Weekdays()
	if *r.weekStart == "" {
		*r.weekStart = days[r.scope.WeekStart]
		if *r.preset == presetMixpanel {
			*r.weekStart = days[time.Monday]
		}
	}
	if err := oneOf("week_start", *r.weekStart, days); err != nil {
		return err
	}
	for d, name := range days {
		if name == *r.weekStart {
			r.scope.WeekStart = time.Weekday(d)
		}
	}
	return nil
}

// cutRange resolves the range and cuts it.
func (r *framed) cutRange(ctx context.Context) (err error) {
	r.q.Range = *r.timeRange
	r.buckets, err = r.span(ctx)
	*r.timeRange = r.q.Range
	return err
}

// whole moves the ends of the range to those of their intervals.
func (r *framed) whole() {
	b, c := &r.buckets, r.calendar()
	n := b.len()
	b.edges[0] = b.starts[0]
	b.edges[n] = c.next(b.to().Add(-time.Microsecond))
	*r.timeRange = r.spelled(b.from(), b.to())
}

// edges are where the intervals of the range and so many after them begin, and the end of the last one.
func (r *framed) edges(more int) []int64 {
	c, b := r.calendar(), &r.buckets
	out := make([]int64, 0, b.len()+more+1)
	for _, s := range b.starts {
		out = append(out, s.UnixMicro())
	}
	at := b.starts[b.len()-1]
	for range more + 1 {
		at = c.next(at)
		out = append(out, at.UnixMicro())
	}
	return out
}

// keyOf is a digest of all that an answer depends on, but for the data. Moment stands for the time of asking.
func (r *framed) keyOf(question any, moment int64) (string, error) {
	b, err := json.Marshal(struct {
		Project   store.ProjectID
		Zone      string
		WeekStart time.Weekday
		Gap       time.Duration
		Moment    int64
		Question  any
		Cohorts   []string `json:",omitempty"`
	}{r.scope.Project, r.scope.Zone.String(), r.scope.WeekStart, r.scope.SessionGap, moment, question, r.check.cohortKeys()})
	if err != nil {
		return "", fmt.Errorf("encode a question: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// passed is how many of the moments lie before now.
func passed(edges []int64, now time.Time) (n int64) {
	for _, e := range edges {
		if e <= now.UnixMicro() {
			n++
		}
	}
	return n
}

// fill sets a word that the question has left out.
func fill(field *string, word string) {
	if *field == "" {
		*field = word
	}
}

// breakdowns checks what a question is broken down by, and into how many values.
func (r *framed) breakdowns(list *[]Breakdown, limit *int) error {
	r.q.Breakdown, r.q.BreakdownLimit = *list, *limit
	if err := r.conditions(); err != nil {
		return err
	}
	if err := r.options(); err != nil {
		return err
	}
	*list, *limit = r.q.Breakdown, r.q.BreakdownLimit
	return nil
}

// groupsFit bounds the answer of a question with so many numbers for each group of its breakdown.
func (r *framed) groupsFit(breakdowns, limit, numbers int) error {
	groups := 1
	if breakdowns > 0 {
		groups += limit + 1
	}
	if n := groups * numbers; n > maxNumbers {
		return &event.Error{
			Kind: event.TooLarge, Code: "answer_too_large", Field: "breakdown_limit",
			Message: fmt.Sprintf("the answer could have %d numbers (%d groups of %d), it may have %d", n, groups, numbers, maxNumbers),
		}
	}
	return nil
}

// grouped works out the groups of numbers of a breakdown, by the events of a selector in the range.
func (r *Resolution) grouped(ctx context.Context, e *Engine, cut cohortCut, s Scope, by *Selector, where *Filter, list []Breakdown) ([]*dimension, error) {
	t := &trend{engine: e, cut: cut, scope: s, r: &Resolved{Trends: Trends{Where: where, Breakdown: list}, zone: r.zone, clocks: r.clocks, buckets: r.buckets}}
	return t.dimensions(ctx, &Series{Events: by.Events, Where: by.Where, Aggregate: AggTotal})
}

// Resolution is what is known of a resolved behavioural question beside its fields.
type Resolution struct {
	key    string
	zone   *time.Location
	clocks *deviceClocks
	// known is the moment up to which everything is visible, by which intervals are over or not.
	known   time.Time
	buckets buckets
	casts   []PropertyRef
}

// Key is equal for questions that mean the same, and differs otherwise. It does not hold the project.
func (r *Resolution) Key() string { return r.key }
