package query

import (
	"context"
	"encoding/json"

	"github.com/freshet/freshet/internal/store"
)

// CohortDefinition says who is in a cohort. Exactly one of its fields is given.
//
// A definition is evaluated on the same cut of the data as the question it stands in. Relative times count from the
// moment of asking, in the project's time zone.
type CohortDefinition struct {
	// And has the people who are in all of the parts.
	And []*CohortDefinition `json:"and,omitempty"`
	// Or has the people who are in any of the parts.
	Or []*CohortDefinition `json:"or,omitempty"`
	// Not has all people of the project who are not in the part.
	Not *CohortDefinition `json:"not,omitempty"`
	// Did goes by how often people did something.
	Did *CohortDid `json:"did,omitempty"`
	// Sequence goes by what people did in an order.
	Sequence *CohortSequence `json:"sequence,omitempty"`
	// Property is a condition on the latest values of people's traits: its comparisons are all of the person, now.
	Property *Filter `json:"property,omitempty"`
	// List names people.
	List *CohortList `json:"list,omitempty"`
	// Cell has the people behind a number of another question's answer.
	Cell *CohortCell `json:"cell,omitempty"`
	// Cohort is the number of another cohort.
	Cohort string `json:"cohort,omitempty"`
}

// CohortDid goes by the number of events that somebody did in a range. Without a number it is at least one.
type CohortDid struct {
	Selector
	// Range bounds the events; default all there are. It is read like that of any question, but for a To that is left out
	// together with From.
	Range *Range `json:"range,omitempty"`
	// AtLeast, AtMost and Exactly bound the number, up to a billion. Who did none at all satisfies AtMost, and Exactly 0.
	AtLeast *int64 `json:"at_least,omitempty"`
	AtMost  *int64 `json:"at_most,omitempty"`
	Exactly *int64 `json:"exactly,omitempty"`
	// FirstTime asks that the first such event ever lies in the range. It goes without numbers.
	FirstTime bool `json:"first_time,omitempty"`
}

// CohortSequence has the people who took all steps in their order: those whom a Funnel with these fields calls converted.
type CohortSequence struct {
	// Steps are 1 to 20.
	Steps []Selector `json:"steps"`
	// Window is how long after the first step the last one may come; default 7d.
	Window string `json:"window,omitempty"`
	// Range bounds the first step; default all there is.
	Range *Range `json:"range,omitempty"`
}

// CohortList names people by ids or numbers, up to 50,000 together. Who gets an id later is in from then on.
type CohortList struct {
	UserIDs      []string `json:"user_ids,omitempty"`
	AnonymousIDs []string `json:"anonymous_ids,omitempty"`
	// Persons are numbers of people in decimal digits.
	Persons []string `json:"persons,omitempty"`
}

// CohortCell names a cell of an answer. See Engine.People.
type CohortCell struct {
	// Question is any question of POST /v1/query; other cohorts in it are named by their numbers.
	Question json.RawMessage `json:"question"`
	Cell     json.RawMessage `json:"cell,omitempty"`
}

// Cohort is one that the control plane keeps.
type Cohort struct {
	ID   uint64
	Name string
	// Definition is JSON of a CohortDefinition.
	Definition json.RawMessage
	// Static cohorts have the people that they had when they were frozen, which Version counts.
	Static  bool
	Version uint64
}

// Cohorts is where cohorts are kept. It may be used concurrently.
type Cohorts interface {
	// Cohort finds a cohort of a project by its number or its name; ok is false when there is none.
	Cohort(ctx context.Context, project store.ProjectID, named string) (c Cohort, ok bool, err error)
	// Frozen has the people of a static cohort, as they were numbered when it was frozen.
	Frozen(ctx context.Context, project store.ProjectID, id uint64) ([]uint64, error)
}

// noCohorts is for an engine that was given none.
type noCohorts struct{}

func (noCohorts) Cohort(context.Context, store.ProjectID, string) (c Cohort, ok bool, err error) {
	return c, false, nil
}

func (noCohorts) Frozen(context.Context, store.ProjectID, uint64) ([]uint64, error) { return nil, nil }

// The operators of a Filter by a cohort, and the values of a Breakdown by one.
const (
	opIn    = "in"
	opNotIn = "not_in"

	groupIn    = "in"
	groupNotIn = "not in"
)
