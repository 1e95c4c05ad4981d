package query

import (
	"fmt"
	"reflect"
	"strings"
)

// Selector says which events are meant.
type Selector struct {
	// Events are names, any of which counts; none means all events.
	Events []string `json:"events,omitempty"`
	// Where must hold for the event, too.
	Where *Filter `json:"where,omitempty"`
}

// selector returns a checked copy.
func (c *checker) selector(s Selector, field string) (Selector, error) {
	if len(s.Events) > maxEventNames {
		return s, invalid(field+".events", "too_many_events", "there are %d names, there may be %d", len(s.Events), maxEventNames)
	}
	for i, name := range s.Events {
		if err := text(fmt.Sprintf("%s.events[%d]", field, i), name, maxNameBytes); err != nil {
			return s, err
		}
	}
	var err error
	s.Where, err = c.filter(s.Where, field+".where", 1)
	return s, err
}

// selects is the condition on an event to be meant by a selector, under a condition of the whole question.
func (c *compiler) selects(s *Selector, where *Filter) string {
	var parts []string
	if len(s.Events) > 0 {
		parts = append(parts, c.named(s.Events))
	}
	for _, f := range []*Filter{where, s.Where} {
		if f != nil {
			parts = append(parts, c.where(f))
		}
	}
	if len(parts) == 0 {
		return "TRUE"
	}
	return strings.Join(parts, " AND ")
}

// sameSelector tells whether two checked selectors mean the same, as far as that can be seen.
func sameSelector(a, b Selector) bool { return reflect.DeepEqual(a, b) }
