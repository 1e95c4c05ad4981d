package query

import (
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/query/session"
)

// SessionMeasure is a number of every session: how many events of a selector it holds, or with a property the sum of the
// numbers that these have there. Only events that bear sessions are in one.
type SessionMeasure struct {
	Selector
	// Label is shown; default the names of the events, or the property.
	Label string `json:"label,omitempty"`
	// Property is what is added up; without it events are counted.
	Property string `json:"property,omitempty"`
	// As is "number" to read text as the number that it is.
	As string `json:"as,omitempty"`
}

// SessionLength bounds how long a session lasts; both ends are included.
type SessionLength struct {
	AtLeast string `json:"at_least,omitempty"`
	AtMost  string `json:"at_most,omitempty"`
}

// SessionCount bounds how many events a session has; both ends are included.
type SessionCount struct {
	AtLeast *int64 `json:"at_least,omitempty"`
	AtMost  *int64 `json:"at_most,omitempty"`
}

const (
	maxSessionMeasures = 5
	// measureNumbers is how many numbers SessionMeasured has.
	measureNumbers = 5

	showSessionTrend    = "trend"
	showSessionDuration = "duration"
)

// SessionViews lists what can be shown of sessions: their numbers by bucket, or besides how many last how long.
func SessionViews() []string { return []string{showSessionTrend, showSessionDuration} }

// measures checks what is measured of every session.
func (r *ResolvedSessions) measures(c *checker) error {
	if n := len(r.Measures); n > maxSessionMeasures {
		return invalid("measures", "too_many_measures", "the question has %d measures, it may have %d", n, maxSessionMeasures)
	}
	r.Measures = slices.Clone(r.Measures)
	for i := range r.Measures {
		m, field := &r.Measures[i], fmt.Sprintf("measures[%d]", i)
		var err error
		if m.Selector, err = c.selector(m.Selector, field); err != nil {
			return err
		}
		if err := m.property(c, field); err != nil {
			return err
		}
		if m.Label == "" {
			m.Label = m.Property
			if m.Label == "" {
				m.Label = labelOf(m.Events)
			}
		}
		if err := text(field+".label", m.Label, maxNameBytes); err != nil {
			return err
		}
	}
	return nil
}

func (m *SessionMeasure) property(c *checker, field string) error {
	if m.Property == "" {
		if m.As != "" {
			return invalid(field+".as", "misplaced_as", "as is for a property, and the measure has none")
		}
		return nil
	}
	if _, ok := builtInColumn(m.Property); ok && m.As == "" {
		return invalid(field+".property", "not_numeric", "%s is always text; say as what it is read", m.Property)
	}
	_, err := c.ref(m.ref(), field)
	return err
}

func (m *SessionMeasure) ref() PropertyRef { return PropertyRef{Property: m.Property, As: m.As} }

// bounds checks which sessions count by their length and by their events.
func (r *ResolvedSessions) bounds() error {
	c := &r.config
	if d := r.Duration; d != nil {
		for _, b := range []struct {
			name, text string
			us         *int64
		}{{"at_least", d.AtLeast, &c.Length.Least}, {"at_most", d.AtMost, &c.Length.Most}} {
			if b.text == "" {
				continue
			}
			length, err := duration("duration."+b.name, b.text)
			if err != nil {
				return err
			}
			*b.us = length.Microseconds()
		}
		c.Length.Bounded = d.AtMost != ""
	}
	if n := r.EventCount; n != nil {
		for _, b := range []struct {
			name string
			n    *int64
			to   *int64
		}{{"at_least", n.AtLeast, &c.Count.Least}, {"at_most", n.AtMost, &c.Count.Most}} {
			if b.n == nil {
				continue
			}
			if *b.n < 1 || *b.n > maxDidCount {
				return invalid("event_count."+b.name, "bad_count", "%s is %d, it must be 1 to %d", b.name, *b.n, maxDidCount)
			}
			*b.to = *b.n
		}
		c.Count.Bounded = n.AtMost != nil
	}
	for _, b := range []struct {
		field string
		session.Bounds
	}{{"duration", c.Length}, {"event_count", c.Count}} {
		if b.Bounded && b.Least > b.Most {
			return invalid(b.field+".at_least", "empty_bounds", "at_least is more than at_most")
		}
	}
	return nil
}

// SessionMeasured are the numbers of one measure.
type SessionMeasured struct {
	// Sessions is how many have an event that is measured.
	Sessions int64 `json:"sessions"`
	// Total is of all sessions together; Average, Median and P90 are of one session, where one without such an event has 0.
	Total   *float64 `json:"total"`
	Average *float64 `json:"average"`
	Median  *float64 `json:"median"`
	P90     *float64 `json:"p90"`
}

// measured are the numbers of the measures of a cell.
func (r *ResolvedSessions) measured(c *session.Cell) []SessionMeasured {
	out := make([]SessionMeasured, len(r.Measures))
	for k := range out {
		if c.Sessions == 0 || c.Measures == nil {
			out[k].Total = new(float64)
			continue
		}
		a, n := &c.Measures[k], &out[k]
		values := make([]float64, len(a.Values))
		for i, m := range a.Values {
			if values[i] = float64(m.Events); r.Measures[k].Property != "" {
				values[i] = m.Sum
			}
		}
		slices.Sort(values)
		total := float64(a.Events)
		if r.Measures[k].Property != "" {
			total = session.Sum(values)
		}
		n.Sessions, n.Total, n.Average = a.Sessions, finite(total), finite(total/float64(c.Sessions))
		zeros := int(c.Sessions - a.Sessions)
		n.Median, n.P90 = finite(session.Quantile(values, zeros, 0.5)), finite(session.Quantile(values, zeros, 0.9))
	}
	return out
}
