package project

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	// MaxCohorts is how many cohorts a project may have.
	MaxCohorts = 200
	// MaxFrozen is how many people a static cohort may have.
	MaxFrozen = 10_000_000
	// maxDefinition bounds a definition, most of which may be a list of ids.
	maxDefinition = 1 << 20
)

// Cohort is a group of people under a name.
type Cohort struct {
	ID      uint64
	Project ID
	// Name has 1 to 100 characters, one of them no digit, and is unique in the project.
	Name string
	// Description has at most 2,000 characters, line feeds among them.
	Description string
	// Definition says who is in it, in at most 1 MiB. What it means is for the caller to know.
	Definition json.RawMessage
	// Uses are the numbers of the cohorts that the definition names, ascending.
	Uses []uint64
	// Static cohorts have the people that they had at FrozenAt.
	Static   bool
	FrozenAt *time.Time
	// Frozen is how many people a static cohort has.
	Frozen int
	// Version is 1 at first and one more after each change, of the people of a static cohort too.
	Version   uint64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CohortChange names what to set; nil leaves it as it is, or empty in a new cohort. Uses go with Definition.
type CohortChange struct {
	Name, Description *string
	Definition        json.RawMessage
	Uses              []uint64
	// People freezes a static cohort anew. A static cohort with another definition needs them; others have none.
	People []uint64
}

// Cohorts returns the cohorts of a project by name, without their definitions. It asks the store.
func (s *Service) Cohorts(ctx context.Context, id ID) ([]Cohort, error) {
	list, err := s.store.Cohorts(ctx, id)
	if err != nil {
		return nil, storeError("read the cohorts", err)
	}
	return list, nil
}

// Cohort returns the cohort of a project with a number or, where it is no number, a name. It asks the store.
func (s *Service) Cohort(ctx context.Context, p ID, named string) (Cohort, error) {
	c, err := s.store.Cohort(ctx, p, named)
	if err != nil {
		return Cohort{}, storeError("read the cohort", err)
	}
	return c, nil
}

// FrozenPeople returns the people of a static cohort as they were given. It asks the store.
func (s *Service) FrozenPeople(ctx context.Context, p ID, id uint64) ([]uint64, error) {
	people, err := s.store.FrozenPeople(ctx, p, id)
	if err != nil {
		return nil, storeError("read the people of the cohort", err)
	}
	return people, nil
}

// CreateCohort makes a cohort. Name and definition are required, and for a static one people, who may be none.
func (s *Service) CreateCohort(ctx context.Context, actor string, p ID, static bool, c CohortChange) (Cohort, error) {
	if c.Name == nil {
		return Cohort{}, invalid("bad_name", "name", "a cohort needs a name of 1 to %d characters", maxName)
	}
	if c.Definition == nil {
		return Cohort{}, invalid("missing_definition", "definition", "a cohort needs a definition")
	}
	now := s.moment()
	cohort, err := c.apply(Cohort{Project: p, Static: static, Version: 1, CreatedAt: now, UpdatedAt: now}, now)
	if err != nil {
		return Cohort{}, err
	}
	cohort.ID, err = s.store.CreateCohort(ctx, cohort, c.People, MaxCohorts, func(id uint64) AuditEntry {
		cohort.ID = id
		return AuditEntry{At: now, Actor: actor, Action: "cohort.create", Project: p, Detail: "cohort " + cohort.label()}
	})
	if err != nil {
		return Cohort{}, storeError("create the cohort", err)
	}
	return cohort, nil
}

// UpdateCohort changes a cohort. version is the one that the caller has seen, 0 for whichever there is; another one is
// CohortChanged. A change that changes nothing is neither written nor audited.
func (s *Service) UpdateCohort(ctx context.Context, actor string, p ID, named string, version uint64, c CohortChange) (Cohort, error) {
	old, err := s.Cohort(ctx, p, named)
	if err != nil {
		return Cohort{}, err
	}
	if version != 0 && version != old.Version {
		return Cohort{}, CohortChanged(named)
	}
	now := s.moment()
	next, err := c.apply(old, now)
	if err != nil {
		return Cohort{}, err
	}
	detail := old.difference(next)
	if detail == "" {
		return old, nil
	}
	next.Version, next.UpdatedAt = old.Version+1, now
	audit := AuditEntry{At: now, Actor: actor, Action: "cohort.update", Project: p, Detail: "cohort " + old.label() + ": " + detail}
	if err := s.store.UpdateCohort(ctx, next, c.People, audit); err != nil {
		return Cohort{}, storeError("update the cohort", err)
	}
	return next, nil
}

// DeleteCohort removes a cohort for good, unless others are made of it. version is as for UpdateCohort.
func (s *Service) DeleteCohort(ctx context.Context, actor string, p ID, named string, version uint64) error {
	old, err := s.Cohort(ctx, p, named)
	if err != nil {
		return err
	}
	if version == 0 {
		version = old.Version
	}
	audit := AuditEntry{At: s.moment(), Actor: actor, Action: "cohort.delete", Project: p, Detail: "cohort " + old.label()}
	if err := s.store.DeleteCohort(ctx, p, old.ID, version, audit); err != nil {
		return storeError("delete the cohort", err)
	}
	return nil
}

// apply returns a cohort with the change made, or what is wrong with the change.
func (c CohortChange) apply(next Cohort, now time.Time) (Cohort, error) {
	var err error
	if c.Name != nil {
		if next.Name, err = validName(*c.Name, 1); err != nil {
			return next, err
		}
		if strings.Trim(next.Name, "0123456789") == "" {
			return next, invalid("bad_name", "name", "the name of a cohort must not be a number")
		}
	}
	if c.Description != nil {
		if next.Description, err = validDescription(*c.Description); err != nil {
			return next, err
		}
	}
	if c.Definition != nil {
		if len(c.Definition) > maxDefinition {
			return next, invalid("definition_too_large", "definition", "the definition has %d bytes; %d are allowed", len(c.Definition), maxDefinition)
		}
		next.Definition, next.Uses = c.Definition, c.Uses
	}
	switch {
	case c.People == nil && next.Static && c.Definition != nil:
		return next, invalid("missing_people", "definition", "a static cohort needs the people that its definition has now")
	case c.People == nil:
		return next, nil
	case !next.Static:
		return next, invalid("not_static", "", "only a static cohort has people of its own; this one is evaluated whenever it is used")
	case len(c.People) > MaxFrozen:
		return next, invalid("too_many_people", "definition", "the cohort has %d people; a static one may have %d", len(c.People), MaxFrozen)
	}
	next.FrozenAt, next.Frozen = &now, len(c.People)
	return next, nil
}

// label names a cohort for the audit.
func (c Cohort) label() string { return fmt.Sprintf("%d, %q", c.ID, c.Name) }

// difference says what is different in another version, for the audit.
func (c Cohort) difference(next Cohort) string {
	var parts []string
	if c.Name != next.Name {
		parts = append(parts, fmt.Sprintf("name %q", next.Name))
	}
	if c.Description != next.Description {
		parts = append(parts, "description")
	}
	if string(c.Definition) != string(next.Definition) {
		parts = append(parts, "definition")
	}
	if next.FrozenAt != c.FrozenAt {
		parts = append(parts, fmt.Sprintf("%d people, was %d", next.Frozen, c.Frozen))
	}
	return strings.Join(parts, "; ")
}
