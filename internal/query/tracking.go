package query

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/event"
)

// TrackingPlan says which events are expected, and with what. It refuses nothing: what is otherwise is a violation, which
// Violations counts.
type TrackingPlan struct {
	// Events are at most 1000, each with a name of its own.
	Events []PlannedEvent `json:"events"`
}

// PlannedEvent is an event that is expected.
type PlannedEvent struct {
	// Name has 1 to 512 bytes.
	Name string `json:"name"`
	// Properties are those that matter; others may be there too. A plan has at most 10,000, of 500 keys.
	Properties []PlannedProperty `json:"properties,omitempty"`
}

// PlannedProperty is what is expected of a property.
type PlannedProperty struct {
	// Key is the property's, or the name of a built-in one such as "$app_version".
	Key string `json:"key"`
	// Type is "text", "number", "boolean", "time" or "json"; empty: any. A time is a text as well.
	Type string `json:"type,omitempty"`
	// Required tells that every event has it; null is as good as nothing.
	Required bool `json:"required,omitempty"`
	// Values are the texts or numbers that are allowed, at most 100, all of Type; empty: any.
	Values []any `json:"values,omitempty"`
}

// Types of planned properties that can list their values.
const (
	typeText   = "text"
	typeNumber = "number"
)

const (
	maxPlanned      = 1000
	maxPlannedNames = 512
	maxPlannedProps = 10_000
	maxPlannedKeys  = 500
	maxPlannedWords = 100
	maxPlannedWord  = 256
)

// PlannedTypes lists the types that a planned property may have.
func PlannedTypes() []string { return typeOrder[:] }

// Validate returns the first thing that is wrong with the plan, with the path of its field.
func (p *TrackingPlan) Validate() error {
	if p.Events == nil {
		return planFault("missing_events", "events", "a plan needs a list of events, which may be empty")
	}
	if n := len(p.Events); n > maxPlanned {
		return planFault("too_many_events", "events", "the plan has %d events; %d are allowed", n, maxPlanned)
	}
	names, keys, properties := map[string]bool{}, map[string]bool{}, 0
	for i := range p.Events {
		e, field := &p.Events[i], fmt.Sprintf("events[%d]", i)
		if err := plannedName(e.Name, field+".name"); err != nil {
			return err
		}
		if names[e.Name] {
			return planFault("duplicate_name", field+".name", "the event %s is there twice", quoteShort(e.Name))
		}
		names[e.Name] = true
		if properties += len(e.Properties); properties > maxPlannedProps {
			return planFault("too_many_properties", field+".properties", "the plan has more than %d properties", maxPlannedProps)
		}
		if err := e.validate(field, keys); err != nil {
			return err
		}
	}
	return nil
}

func (e *PlannedEvent) validate(field string, keys map[string]bool) error {
	own := map[string]bool{}
	for i := range e.Properties {
		p, field := &e.Properties[i], fmt.Sprintf("%s.properties[%d]", field, i)
		if err := plannedName(p.Key, field+".key"); err != nil {
			return err
		}
		if own[p.Key] {
			return planFault("duplicate_name", field+".key", "the property %s is there twice", quoteShort(p.Key))
		}
		own[p.Key], keys[p.Key] = true, true
		if len(keys) > maxPlannedKeys {
			return planFault("too_many_properties", field+".key", "the plan has more than %d different properties", maxPlannedKeys)
		}
		if err := p.validate(field); err != nil {
			return err
		}
	}
	return nil
}

func (p *PlannedProperty) validate(field string) error {
	if p.Type != "" && !slices.Contains(typeOrder[:], p.Type) {
		return planFault("unknown_word", field+".type", "%s is not one of %s", quoteShort(p.Type), strings.Join(typeOrder[:], ", "))
	}
	if _, builtIn := builtInColumn(p.Key); builtIn && p.Type != "" && p.Type != typeText {
		return planFault("wrong_type", field+".type", "%s is always text", p.Key)
	}
	if len(p.Values) > maxPlannedWords {
		return planFault("too_many_values", field+".values", "%d values; %d are allowed", len(p.Values), maxPlannedWords)
	}
	if len(p.Values) > 0 && p.Type != typeText && p.Type != typeNumber {
		return planFault("wrong_type", field+".values", "only values of the type text or number can be listed")
	}
	for i, v := range p.Values {
		at := fmt.Sprintf("%s.values[%d]", field, i)
		text, isText := v.(string)
		_, isNumber := v.(float64)
		if isText != (p.Type == typeText) || isNumber != (p.Type == typeNumber) {
			return planFault("wrong_type", at, "the value is not a %s", p.Type)
		}
		if len(text) > maxPlannedWord {
			return planFault("too_long", at, "the value has %d bytes; %d are allowed", len(text), maxPlannedWord)
		}
	}
	return nil
}

func plannedName(name, field string) error {
	if n := len(name); n == 0 || n > maxPlannedNames || !utf8.ValidString(name) {
		return planFault("bad_name", field, "the name has %d bytes; 1 to %d of valid UTF-8 are allowed", n, maxPlannedNames)
	}
	return nil
}

func planFault(code, field, format string, args ...any) error {
	e := event.Errorf(event.Invalid, code, format, args...)
	e.Field = field
	return e
}
