package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

const (
	maxSeries         = 26
	maxFormulas       = 10
	maxBreakdowns     = 3
	maxBreakdownLimit = 1000
	maxEdges          = 100
	maxQuantiles      = 20
	maxEventNames     = 1000
	maxRolling        = 366
	// maxNumbers bounds how many numbers an answer has.
	maxNumbers = 2_000_000
	// resolveTimeout bounds the look into the data that some questions need before their key is known.
	resolveTimeout = 10 * time.Second
)

// Resolve checks a question, fills in its defaults and resolves its relative times. The question is not changed.
func (e *Engine) Resolve(s Scope, q *Trends) (*Resolved, error) {
	now := e.Now()
	r := &resolver{engine: e, scope: s, now: now, known: now.Add(-e.Lag(s.Project)), q: *q}
	r.zone = s.Zone
	var out *Resolved
	err := e.resolving(func(ctx context.Context) (err error) {
		out, err = r.resolve(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

type resolver struct {
	engine *Engine
	scope  Scope
	now    time.Time
	// known is the moment up to which all that was received is visible: no later than now.
	known time.Time
	zone  *time.Location
	check checker
	q     Trends
}

func (r *resolver) resolve(ctx context.Context) (*Resolved, error) {
	for _, step := range []func() error{r.head, r.series, r.formulas, r.conditions, r.options} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	b, err := r.span(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.size(b.len()); err != nil {
		return nil, err
	}
	if err := r.properties(ctx); err != nil {
		return nil, err
	}
	out := &Resolved{Trends: r.q, zone: r.zone, buckets: b, casts: r.check.casts()}
	if r.q.Compare != "" {
		out.compare = compareRange(r.calendar(), &b, r.q.Compare)
	}
	out.clocks = r.clocksOf(&b, out.compare)
	out.key, err = r.key(b.ended)
	return out, err
}

func (r *resolver) calendar() *calendar {
	return &calendar{interval: r.q.Interval, zone: r.zone, weekStart: r.scope.WeekStart}
}

func (r *resolver) head() error {
	q := &r.q
	if q.Kind == "" {
		q.Kind = "trends"
	}
	if err := oneOf("kind", q.Kind, []string{"trends"}); err != nil {
		return err
	}
	home := r.zone
	switch q.Timezone {
	case "":
		q.Timezone = r.zone.String()
	case TimezoneDevice:
		r.zone = wallClock()
		// An interval is over when it is over on the slowest clock.
		r.known = r.known.Add(-slowestClock)
	default:
		zone, err := time.LoadLocation(q.Timezone)
		if err != nil || q.Timezone == "Local" || q.Timezone != zone.String() {
			return invalid("timezone", "unknown_timezone", "%s is not the name of a time zone, such as Europe/Berlin", quoteShort(q.Timezone))
		}
		r.zone, home = zone, zone
	}
	if q.Interval == "" {
		q.Interval = "day"
	}
	fill(&q.SignedOut, signedOutNext)
	if err := oneOf("signed_out", q.SignedOut, SignedOuts()); err != nil {
		return err
	}
	r.check = checkerAt(r.engine, r.scope, r.now)
	r.check.clock.zone = home
	return oneOf("interval", q.Interval, Intervals())
}

func (r *resolver) series() error {
	if n := len(r.q.Series); n == 0 || n > maxSeries {
		return invalid("series", "bad_series", "the question has %d series, it may have 1 to %d", n, maxSeries)
	}
	r.q.Series = slices.Clone(r.q.Series)
	used := map[string]bool{}
	for i := range r.q.Series {
		if err := useID(used, r.q.Series[i].ID, fmt.Sprintf("series[%d].id", i)); err != nil {
			return err
		}
	}
	for i := range r.q.Series {
		s := &r.q.Series[i]
		for letter := 'A'; s.ID == ""; letter++ {
			if id := string(letter); !used[id] {
				s.ID, used[id] = id, true
			}
		}
		if err := r.oneSeries(s, fmt.Sprintf("series[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// useID notes an id, which is a letter and perhaps digits.
func useID(used map[string]bool, id, field string) error {
	if id == "" {
		return nil
	}
	ok := len(id) <= 4 && id[0] >= 'A' && id[0] <= 'Z' && strings.Trim(id[1:], "0123456789") == ""
	if !ok {
		return invalid(field, "bad_id", "the id must be a letter A to Z, with up to three digits behind it")
	}
	if used[id] {
		return invalid(field, "repeated_id", "the id %s is used twice", id)
	}
	used[id] = true
	return nil
}

func (r *resolver) oneSeries(s *Series, field string) error {
	if len(s.Events) > maxEventNames {
		return invalid(field+".events", "too_many_events", "the series names %d events, it may name %d", len(s.Events), maxEventNames)
	}
	for i, name := range s.Events {
		at := fmt.Sprintf("%s.events[%d]", field, i)
		if name == "" {
			return invalid(at, "empty_name", "the name of an event must not be empty")
		}
		if err := text(at, name, maxNameBytes); err != nil {
			return err
		}
	}
	if s.Aggregate == "" {
		s.Aggregate = AggTotal
	}
	if err := oneOf(field+".aggregate", s.Aggregate, Aggregates()); err != nil {
		return err
	}
	if err := r.measure(s, field); err != nil {
		return err
	}
	if err := s.clocked(field); err != nil {
		return err
	}
	if s.Label == "" {
		s.Label = labelOf(s.Events)
	}
	return text(field+".label", s.Label, maxNameBytes)
}

// labelOf is how events are called when nothing else is said.
func labelOf(events []string) string {
	if len(events) == 0 {
		return "All events"
	}
	label := strings.Join(events, ", ")
	return strings.ToValidUTF8(label[:min(len(label), maxNameBytes)], "")
}

// clocked checks the clock of active people.
func (s *Series) clocked(field string) error {
	if s.Aggregate == AggWAU || s.Aggregate == AggMAU {
		fill(&s.Clock, clockRolling)
		return oneOf(field+".clock", s.Clock, ActiveClocks())
	}
	if s.Clock != "" {
		return invalid(field+".clock", "misplaced_clock", "only wau and mau go by a clock, %s does not", s.Aggregate)
	}
	return nil
}

// measure checks that a series has a property exactly when its aggregate needs one.
func (r *resolver) measure(s *Series, field string) error {
	if !needsProperty(s.Aggregate) {
		if s.Property != "" {
			return invalid(field+".property", "unexpected_property", "%s takes no property", s.Aggregate)
		}
		if s.As != "" {
			return invalid(field+".as", "misplaced_as", "as is for a property, and %s takes none", s.Aggregate)
		}
		return nil
	}
	if s.Property == "" {
		return invalid(field+".property", "missing_property", "%s needs a property", s.Aggregate)
	}
	if _, ok := builtInColumn(s.Property); ok && s.Aggregate != AggDistinct && s.As == "" {
		return invalid(field+".property", "not_numeric", "%s is always text; %s needs numbers, so say as what it is read", s.Property, s.Aggregate)
	}
	_, err := r.check.ref(PropertyRef{Property: s.Property, As: s.As}, field)
	return err
}

func (r *resolver) formulas() error {
	if n := len(r.q.Formulas); n > maxFormulas {
		return invalid("formulas", "too_many_formulas", "the question has %d formulas, it may have %d", n, maxFormulas)
	}
	r.q.Formulas = slices.Clone(r.q.Formulas)
	series, used := map[string]bool{}, map[string]bool{}
	for i := range r.q.Series {
		series[r.q.Series[i].ID], used[r.q.Series[i].ID] = true, true
	}
	for i := range r.q.Formulas {
		if err := useID(used, r.q.Formulas[i].ID, fmt.Sprintf("formulas[%d].id", i)); err != nil {
			return err
		}
	}
	for i := range r.q.Formulas {
		f := &r.q.Formulas[i]
		for n := 1; f.ID == ""; n++ {
			if id := fmt.Sprintf("F%d", n); !used[id] {
				f.ID, used[id] = id, true
			}
		}
		field := fmt.Sprintf("formulas[%d]", i)
		if err := checkFormula(f, series, field+".expression"); err != nil {
			return err
		}
		if f.Label == "" {
			f.Label = f.Expression
		}
		if err := text(field+".label", f.Label, maxNameBytes); err != nil {
			return err
		}
	}
	return nil
}

func checkFormula(f *Formula, series map[string]bool, field string) error {
	if err := text(field, f.Expression, maxFormulaBytes); err != nil {
		return err
	}
	parsed, err := parseFormula(f.Expression)
	if err != nil {
		return invalid(field, "bad_formula", "%v", err)
	}
	unknown := ""
	parsed.ids(func(id string) {
		if !series[id] && unknown == "" {
			unknown = id
		}
	})
	if unknown != "" {
		return invalid(field, "unknown_series", "there is no series %s", unknown)
	}
	return nil
}

// size bounds the answer.
func (r *resolver) size(buckets int) error {
	lines := len(r.q.Series) + len(r.q.Formulas)
	if len(r.q.Breakdown) > 0 {
		lines *= r.q.BreakdownLimit + 1
	}
	if r.q.Compare != "" {
		lines *= 2
	}
	if n := lines * buckets; n > maxNumbers {
		return &event.Error{
			Kind: event.TooLarge, Code: "answer_too_large", Field: "breakdown_limit",
			Message: fmt.Sprintf("the answer could have %d numbers (%d lines of %d buckets), it may have %d", n, lines, buckets, maxNumbers),
		}
	}
	return nil
}

// properties checks that every property named was seen.
func (r *resolver) properties(ctx context.Context) error {
	builtIn := func(ref PropertyRef) bool {
		_, ok := builtInColumn(ref.Property)
		return ok && ref.Of != ofPerson
	}
	if !slices.ContainsFunc(r.check.refs, func(ref PropertyRef) bool { return !builtIn(ref) }) {
		return nil
	}
	cut, err := r.engine.of(r.scope.Project).Cut(ctx, r.scope.Project)
	if err != nil {
		return fmt.Errorf("look up properties: %w", err)
	}
	defer cut.Close()
	return r.engine.checkRefs(ctx, cut, r.scope, &r.check)
}

// key is a digest of all that the answer depends on, but for the data. The ended buckets stand for the moment.
func (r *resolver) key(ended int) (string, error) {
	b, err := json.Marshal(struct {
		Project   store.ProjectID
		Zone      string
		WeekStart time.Weekday
		Gap       time.Duration
		Ended     int
		Question  Trends
		Cohorts   []string `json:",omitempty"`
	}{r.scope.Project, r.scope.Zone.String(), r.scope.WeekStart, r.scope.SessionGap, ended, r.q, r.check.cohortKeys()})
	if err != nil {
		return "", fmt.Errorf("encode a question: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
