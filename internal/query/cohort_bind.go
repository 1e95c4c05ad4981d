package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/event"
)

const (
	maxCohortDepth = 8
	maxCohortNodes = 100
	// maxCohortPath bounds how far cohorts may be made of other cohorts.
	maxCohortPath = 8
	maxCohortList = 50_000
	maxDidCount   = 1_000_000_000
)

// boundCohort is a definition that was checked, with every time absolute and every other cohort put in.
type boundCohort struct {
	id   uint64
	name string
	// key is equal where the people are the same on the same cut.
	key string
	// One of these says who is in; parts are combined by op.
	op     string
	parts  []*boundCohort
	source cohortSource
}

// cohortSource finds people out of the data.
type cohortSource interface {
	people(ctx context.Context, c *peopledCut) (peopleSet, error)
}

// The ways to combine parts.
const (
	opAnd = "and"
	opOr  = "or"
	opNot = "not"
)

// cohortPath are the cohorts within whose definitions a question is read, the innermost first. A definition that is not
// kept yet has the number 0.
type cohortPath struct {
	id    uint64
	outer *cohortPath
	// uses are the cohorts that this one names itself.
	uses map[uint64]struct{}
}

func (p *cohortPath) has(id uint64) bool {
	for ; p != nil; p = p.outer {
		if p.id == id && id != 0 {
			return true
		}
	}
	return false
}

func (p *cohortPath) length() (n int) {
	for ; p != nil; p = p.outer {
		n++
	}
	return n
}

// cohortBinder reads one definition.
type cohortBinder struct {
	engine *Engine
	scope  Scope
	now    time.Time
	check  checker
	nodes  int
}

// binder is for the definition of a cohort within the scope.
func (e *Engine) binder(s Scope, id uint64, now time.Time) *cohortBinder {
	s.within = &cohortPath{id, s.within, map[uint64]struct{}{}}
	return &cohortBinder{engine: e, scope: s, now: now, check: checkerAt(e, s, now)}
}

// bindNamed finds a cohort by its number or name and binds its definition.
func (e *Engine) bindNamed(s Scope, now time.Time, named, field string) (*boundCohort, error) {
	if err := text(field, named, maxNameBytes); err != nil {
		return nil, err
	}
	if _, err := strconv.ParseUint(named, 10, 64); err != nil && s.within != nil {
		return nil, invalid(field, "bad_cohort", "%s is no number of a cohort; cohorts name each other by number", quoteShort(named))
	}
	var kept Cohort
	var ok bool
	err := e.resolving(func(ctx context.Context) (err error) {
		kept, ok, err = e.Cohorts.Cohort(ctx, s.Project, named)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look up a cohort: %w", err)
	}
	if !ok {
		return nil, invalid(field, "unknown_cohort", "the project has no cohort %s", quoteShort(named))
	}
	if s.within.has(kept.ID) {
		return nil, invalid(field, "cohort_cycle", "the cohort %d is made of itself", kept.ID)
	}
	if s.within.length() >= maxCohortPath {
		return nil, invalid(field, "cohorts_too_deep", "cohorts may be made of cohorts %d deep", maxCohortPath)
	}
	out, err := e.bindKept(s, now, &kept)
	var known *event.Error
	if errors.As(err, &known) && known.Kind == event.Invalid {
		return nil, invalid(field, known.Code, "the definition of cohort %d is no longer good: %v", kept.ID, known)
	}
	if err != nil {
		return nil, err
	}
	out.id, out.name = kept.ID, kept.Name
	if s.within != nil {
		s.within.uses[kept.ID] = struct{}{}
	}
	return out, nil
}

func (e *Engine) bindKept(s Scope, now time.Time, kept *Cohort) (*boundCohort, error) {
	if kept.Static {
		return keyed(&boundCohort{source: &frozenPeople{kept.ID, kept.Version}}, "frozen", []uint64{kept.ID, kept.Version})
	}
	d := new(CohortDefinition)
	if err := json.Unmarshal(kept.Definition, d); err != nil {
		return nil, fmt.Errorf("read the definition of cohort %d: %w", kept.ID, err)
	}
	return e.binder(s, kept.ID, now).definition(d, "definition", 1)
}

// keyed gives a cohort its key, a digest of what it depends on.
func keyed(b *boundCohort, what string, on any) (*boundCohort, error) {
	data, err := json.Marshal([]any{what, on})
	if err != nil {
		return nil, fmt.Errorf("encode a cohort: %w", err)
	}
	sum := sha256.Sum256(data)
	b.key = hex.EncodeToString(sum[:])
	return b, nil
}

func (b *cohortBinder) definition(d *CohortDefinition, field string, depth int) (*boundCohort, error) {
	if b.nodes++; b.nodes > maxCohortNodes {
		return nil, invalid(field, "cohort_too_large", "a definition may have %d parts", maxCohortNodes)
	}
	if depth > maxCohortDepth {
		return nil, invalid(field, "cohort_too_deep", "parts may be nested %d deep", maxCohortDepth)
	}
	var bind func() (*boundCohort, error)
	given := 0
	for _, kind := range []struct {
		given bool
		bind  func() (*boundCohort, error)
	}{
		{d.And != nil, func() (*boundCohort, error) { return b.group(opAnd, d.And, field+".and", depth) }},
		{d.Or != nil, func() (*boundCohort, error) { return b.group(opOr, d.Or, field+".or", depth) }},
		{d.Not != nil, func() (*boundCohort, error) { return b.negated(d.Not, field+".not", depth) }},
		{d.Did != nil, func() (*boundCohort, error) { return b.did(d.Did, field+".did") }},
		{d.Sequence != nil, func() (*boundCohort, error) { return b.sequence(d.Sequence, field+".sequence") }},
		{d.Property != nil, func() (*boundCohort, error) { return b.property(d.Property, field+".property") }},
		{d.List != nil, func() (*boundCohort, error) { return b.list(d.List, field+".list") }},
		{d.Cell != nil, func() (*boundCohort, error) { return b.cell(d.Cell, field+".cell") }},
		{d.Cohort != "", func() (*boundCohort, error) { return b.named(d.Cohort, field+".cohort") }},
	} {
		if kind.given {
			given++
			bind = kind.bind
		}
	}
	if given != 1 {
		return nil, invalid(field, "ambiguous_cohort",
			"a definition is one of and, or, not, did, sequence, property, list, cell and cohort; this one has %d of them", given)
	}
	return bind()
}

func (b *cohortBinder) group(op string, list []*CohortDefinition, field string, depth int) (*boundCohort, error) {
	if len(list) == 0 {
		return nil, invalid(field, "empty_group", "a group needs at least one part")
	}
	out, keys := &boundCohort{op: op}, make([]string, len(list))
	for i, d := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		if d == nil {
			return nil, invalid(at, "missing_cohort", "a part must be an object")
		}
		part, err := b.definition(d, at, depth+1)
		if err != nil {
			return nil, err
		}
		out.parts, keys[i] = append(out.parts, part), part.key
	}
	return keyed(out, op, keys)
}

func (b *cohortBinder) negated(d *CohortDefinition, field string, depth int) (*boundCohort, error) {
	part, err := b.definition(d, field, depth+1)
	if err != nil {
		return nil, err
	}
	return keyed(&boundCohort{op: opNot, parts: []*boundCohort{part}}, opNot, part.key)
}

func (b *cohortBinder) named(named, field string) (*boundCohort, error) {
	return b.engine.bindNamed(b.scope, b.now, named, field)
}

func (b *cohortBinder) list(l *CohortList, field string) (*boundCohort, error) {
	if n := len(l.UserIDs) + len(l.AnonymousIDs) + len(l.Persons); n == 0 || n > maxCohortList {
		return nil, invalid(field, "bad_list", "the list has %d people, it may have 1 to %d", n, maxCohortList)
	}
	out := &listedPeople{}
	for _, ids := range []struct {
		name  string
		space event.Space
		list  []string
	}{{"user_ids", event.SpaceUser, l.UserIDs}, {"anonymous_ids", event.SpaceAnonymous, l.AnonymousIDs}} {
		for i, id := range ids.list {
			if err := text(fmt.Sprintf("%s.%s[%d]", field, ids.name, i), id, maxNameBytes); err != nil {
				return nil, err
			}
			out.numbers = append(out.numbers, event.IDNumber(ids.space, id))
		}
	}
	for i, p := range l.Persons {
		n, err := strconv.ParseUint(p, 10, 64)
		if err != nil {
			return nil, invalid(fmt.Sprintf("%s.persons[%d]", field, i), "bad_person", "%s is no number of a person in decimal digits", quoteShort(p))
		}
		out.numbers = append(out.numbers, n)
	}
	out.numbers = distinct(out.numbers)
	return keyed(&boundCohort{source: out}, "list", out.numbers)
}

func (b *cohortBinder) cell(c *CohortCell, field string) (*boundCohort, error) {
	if len(c.Question) == 0 {
		return nil, invalid(field+".question", "missing_field", "the cell needs a question")
	}
	asked, err := b.engine.Read(b.engine, b.scope, c.Question)
	if err != nil {
		return nil, beneath(field+".question", err)
	}
	if _, ok := asked.(counted); !ok {
		return nil, invalid(field+".question", "no_people", "this kind of question has no people behind its numbers")
	}
	return keyed(&boundCohort{source: &cellPeople{asked: asked, cell: c.Cell, field: field}}, "cell", []string{asked.Key(), string(c.Cell)})
}

// beneath puts a path before the field of an error.
func beneath(path string, err error) error {
	var known *event.Error
	if !errors.As(err, &known) {
		return err
	}
	out := *known
	if out.Field = path; known.Field != "" {
		out.Field += "." + known.Field
	}
	return &out
}

// used are the numbers of the cohorts that the definition names itself, ascending.
func (b *cohortBinder) used() []uint64 {
	return slices.Sorted(maps.Keys(b.scope.within.uses))
}
