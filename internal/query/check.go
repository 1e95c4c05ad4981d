package query

import (
	"context"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

const (
	ofEvent  = "event"
	ofPerson = "person"
	atNow    = "now"
	atEvent  = "event"

	maxFilterDepth = 8
	maxFilterNodes = 200
	maxListValues  = 10_000
	maxRegexBytes  = 1 << 10
	maxValueBytes  = 8 << 10
	maxNameBytes   = 1 << 10
)

func invalid(field, code, format string, args ...any) *event.Error {
	err := event.Errorf(event.Invalid, code, format, args...)
	err.Field = field
	return err
}

// checker validates conditions and fills in their defaults.
type checker struct {
	engine *Engine
	scope  Scope
	now    time.Time
	clock  clock
	// cohorts are those met, by how they were named.
	cohorts map[string]*boundCohort
	nodes   int
	// refs are the properties met, with the field of each one's first use.
	refs   []PropertyRef
	fields []string
}

// where checks a filter for Events, Export and others that have no question around it, and returns it as compiler
// takes it: defaults filled in, bounds in time absolute.
func (e *Engine) where(ctx context.Context, cut cohortCut, s Scope, f *Filter, field string) (*Filter, error) {
	c := checkerAt(e, s, e.Now())
	out, err := c.filter(f, field, 1)
	if err != nil {
		return nil, err
	}
	return out, e.checkRefs(ctx, cut, s, &c)
}

// checkerAt reads times in the project's zone.
func checkerAt(e *Engine, s Scope, now time.Time) checker {
	return checker{engine: e, scope: s, now: now, clock: clock{now: nextMinute(now), zone: s.Zone, weekStart: s.WeekStart}}
}

// checkRefs returns an error for a property that nobody has seen.
func (e *Engine) checkRefs(ctx context.Context, cut store.Cut, s Scope, c *checker) error {
	for i, ref := range c.refs {
		if err := e.checkKnown(ctx, cut, s, ref, c.fields[i]); err != nil {
			return err
		}
	}
	return nil
}

// filter returns a checked copy.
func (c *checker) filter(f *Filter, field string, depth int) (*Filter, error) {
	if f == nil {
		return nil, nil
	}
	if c.nodes++; c.nodes > maxFilterNodes {
		return nil, invalid(field, "too_many_filters", "a question may have %d conditions and groups", maxFilterNodes)
	}
	if depth > maxFilterDepth {
		return nil, invalid(field, "filter_too_deep", "groups may be nested %d deep", maxFilterDepth)
	}
	group, name := f.And, "and"
	if f.Or != nil {
		group, name = f.Or, "or"
	}
	if group == nil {
		return c.comparison(f, field)
	}
	if f.And != nil && f.Or != nil || f.Property != "" || f.Of != "" || f.At != "" || f.As != "" || f.Cohort != "" || f.Op != "" || f.Value != nil {
		return nil, invalid(field, "ambiguous_filter", `a condition is one of {"and":[…]}, {"or":[…]}, {"property":…,"op":…} and {"cohort":…,"op":…}`)
	}
	if len(group) == 0 {
		return nil, invalid(field+"."+name, "empty_group", "a group needs at least one condition")
	}
	checked := make([]*Filter, len(group))
	for i, g := range group {
		at := fmt.Sprintf("%s.%s[%d]", field, name, i)
		if g == nil {
			return nil, invalid(at, "missing_filter", "a condition must be an object")
		}
		var err error
		if checked[i], err = c.filter(g, at, depth+1); err != nil {
			return nil, err
		}
	}
	if f.Or != nil {
		return &Filter{Or: checked}, nil
	}
	return &Filter{And: checked}, nil
}

func (c *checker) comparison(f *Filter, field string) (*Filter, error) {
	if f.Cohort != "" {
		return c.membership(f, field)
	}
	out := *f
	var err error
	if out.PropertyRef, err = c.ref(f.PropertyRef, field); err != nil {
		return nil, err
	}
	if err := oneOf(field+".op", f.Op, Operators()); err != nil {
		return nil, err
	}
	out.Value, err = c.operand(f.Op, f.Value, field+".value")
	return &out, err
}

// ref checks a property and fills in what it leaves out.
func (c *checker) ref(r PropertyRef, field string) (PropertyRef, error) {
	if r.Property == "" {
		return r, invalid(field+".property", "missing_property", "a property is needed")
	}
	if err := text(field+".property", r.Property, maxNameBytes); err != nil {
		return r, err
	}
	if r.Of == "" {
		r.Of = ofEvent
	}
	if err := oneOf(field+".of", r.Of, []string{ofEvent, ofPerson}); err != nil {
		return r, err
	}
	if r.Of == ofEvent {
		if r.At != "" {
			return r, invalid(field+".at", "misplaced_at", `"at" is for properties of a person only`)
		}
	} else if r.At == "" {
		r.At = atNow
	}
	if r.At != "" {
		if err := oneOf(field+".at", r.At, []string{atNow, atEvent}); err != nil {
			return r, err
		}
	}
	if r.As != "" {
		if err := oneOf(field+".as", r.As, Casts()); err != nil {
			return r, err
		}
	}
	if !slices.Contains(c.refs, r) {
		c.refs, c.fields = append(c.refs, r), append(c.fields, field+".property")
	}
	return r, nil
}

// operand checks the value of a condition for its operator.
func (c *checker) operand(op string, v any, field string) (any, error) {
	switch op {
	case "is_set", "is_not_set":
		if v != nil {
			return nil, invalid(field, "unexpected_value", "%s takes no value", op)
		}
		return nil, nil
	case "is", "is_not":
		return scalar(field, v, "a text, a number or a boolean", true)
	case "contains", "not_contains", "starts_with", "ends_with":
		return textValue(field, v, op)
	case "regex":
		return regexValue(field, v)
	case "before", "after":
		return c.timeValue(field, v)
	case "in", "not_in":
		return list(field, v, op)
	case "between":
		return pair(field, v)
	}
	return scalar(field, v, "a number or a text", false)
}

func scalar(field string, v any, want string, booleans bool) (any, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case bool:
		if booleans {
			return v, nil
		}
	case string:
		return v, text(field, v, maxValueBytes)
	}
	return nil, wrongType(field, want)
}

func wrongType(field, want string) *event.Error {
	return invalid(field, "wrong_value_type", "the value must be %s", want)
}

func textValue(field string, v any, op string) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, wrongType(field, "a text for "+op)
	}
	return s, text(field, s, maxValueBytes)
}

func regexValue(field string, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, wrongType(field, "a text for regex")
	}
	if err := text(field, s, maxRegexBytes); err != nil {
		return nil, err
	}
	if _, err := regexp.Compile(s); err != nil {
		return nil, invalid(field, "bad_regex", "%v", err)
	}
	return s, nil
}

// regexText writes a pattern anew in the plainest spelling, which every engine of RE2's kind reads alike.
func regexText(s string) string {
	re, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return s
	}
	return re.String()
}

func (c *checker) timeValue(field string, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, wrongType(field, "a time")
	}
	at, ok := c.clock.read(s)
	if !ok {
		return nil, invalid(field, "bad_time", "%s is no time; write 2026-04-01, 2026-04-01T12:00:00Z, now, -7d, today or the like", quoteShort(s))
	}
	return at.from.In(c.clock.zone).Format(time.RFC3339Nano), nil
}

func list(field string, v any, op string) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, wrongType(field, "a list for "+op)
	}
	if len(items) == 0 || len(items) > maxListValues {
		return nil, invalid(field, "bad_list", "the list has %d values, it may have 1 to %d", len(items), maxListValues)
	}
	for i, item := range items {
		if _, err := scalar(fmt.Sprintf("%s[%d]", field, i), item, "a text, a number or a boolean", true); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func pair(field string, v any) (any, error) {
	items, ok := v.([]any)
	if !ok || len(items) != 2 {
		return nil, wrongType(field, "a list of two for between")
	}
	for i, item := range items {
		if _, err := scalar(fmt.Sprintf("%s[%d]", field, i), item, "a number or a text", false); err != nil {
			return nil, err
		}
	}
	_, first := items[0].(string)
	if _, second := items[1].(string); first != second {
		return nil, wrongType(field, "two numbers or two texts for between")
	}
	return items, nil
}

// text bounds a text and keeps out what no stored text can hold.
func text(field, s string, most int) error {
	if len(s) > most {
		return invalid(field, "too_long", "the text has %d bytes, it may have %d", len(s), most)
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return invalid(field, "bad_text", "the text must be UTF-8 without NUL")
	}
	return nil
}

func oneOf(field, v string, allowed []string) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return invalid(field, "unknown_word", "%s is not one of %s", quoteShort(v), strings.Join(allowed, ", "))
}
