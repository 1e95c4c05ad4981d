package query

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Outline is how a question is answered: the statements that the store would be given, and what is done with their rows.
type Outline struct {
	Kind string `json:"kind"`
	// Statements are in the order in which they are run. One that is made of the rows of another, such as of the groups
	// that a ranking has found, stands as it is without any.
	Statements []OutlineStatement `json:"statements"`
	// Relations are the names that statements read from.
	Relations []OutlineRelation `json:"relations"`
	// Columns are those of the statements that hold a property of the app, by name.
	Columns []OutlineColumn `json:"columns"`
	// Names are the names of events that statements have the numbers of, in the column event_number. A name without one has no events.
	Names []OutlineName `json:"names"`
	// How says, sentence by sentence, what becomes of the rows.
	How []string `json:"how"`
	// Watermark is that of the data whose columns the statements were made for.
	Watermark store.Watermark `json:"watermark"`
}

// OutlineStatement is one statement of a plan.
type OutlineStatement struct {
	// Name says what the statement is for: trend, ranking, quantiles, unparsed, funnel, selection, open, sessions or people.
	Name string `json:"name"`
	// Cohort is the name of the cohort whose people it finds, if it is for one.
	Cohort string `json:"cohort,omitempty"`
	// SQL is the text as it is compiled, with $1 and so on for the parameters, and names for the relations.
	SQL string `json:"sql"`
	// Parameters are the values bound, those of $1 first.
	Parameters []any `json:"parameters"`
}

// The sorts of relations.
const (
	// RelationEvents has a row an event of the project before the watermark; person has every link resolved.
	RelationEvents = "events"
	// RelationPeople has the people of a cohort.
	RelationPeople = "people"
)

// OutlineRelation is a relation that the store makes for a statement.
type OutlineRelation struct {
	Name string `json:"name"`
	Sort string `json:"sort"`
	// Columns are the only ones that are read.
	Columns []string `json:"columns"`
}

// OutlineColumn is a column of events that holds one type of a property.
type OutlineColumn struct {
	Column   string `json:"column"`
	Property string `json:"property"`
	Type     string `json:"type"`
}

// OutlineName is the number that stands for a name of events.
type OutlineName struct {
	Number uint8  `json:"number"`
	Event  string `json:"event"`
}

// Plan says how a question would be answered, and runs none of its statements.
func (e *Engine) Plan(ctx context.Context, s Scope, asked Asked) (*Outline, error) {
	n := &notes{names: map[string]string{}, events: map[string]uint8{}}
	answer, err := asked.Ask(context.WithValue(ctx, notesKey{}, n), e, s)
	if err != nil {
		return nil, fmt.Errorf("plan a question: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	out := &Outline{Kind: asked.kind(), Statements: n.statements, Relations: n.relations, Columns: n.columns(), Names: n.eventNames(), How: asked.How(), Watermark: answer.At()}
	for i := range out.Statements {
		out.Statements[i].Parameters = slices.Clone(out.Statements[i].Parameters)
	}
	return out, nil
}

type (
	notesKey   struct{}
	purposeKey struct{}
	cohortKey  struct{}
)

// purpose says what the statements that are run with ctx are for.
func purpose(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, purposeKey{}, name)
}

// forCohort says whose people the statements that are run with ctx find; parts of a cohort have no name.
func forCohort(ctx context.Context, name string) context.Context {
	if name == "" {
		return ctx
	}
	return context.WithValue(ctx, cohortKey{}, name)
}

func notesOf(ctx context.Context) *notes {
	n, _ := ctx.Value(notesKey{}).(*notes)
	return n
}

// notes are what a question would have the store do.
type notes struct {
	// mu guards the rest: statements are noted by whoever runs them.
	mu         sync.Mutex
	schema     *store.Schema
	statements []OutlineStatement
	relations  []OutlineRelation
	// events are the names of events that were asked for the number of.
	events map[string]uint8
	// names are those of relations, by their sort and columns.
	names map[string]string
}

// relation names a relation, the same one for the same columns.
func (n *notes) relation(sort string, columns []string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := sort + " " + strings.Join(columns, " ")
	if name, ok := n.names[key]; ok && sort == RelationEvents {
		return name
	}
	name, count := sort, 1
	for _, r := range n.relations {
		if r.Sort == sort {
			count++
		}
	}
	if count > 1 {
		name += "_" + strconv.Itoa(count)
	}
	n.names[key] = name
	n.relations = append(n.relations, OutlineRelation{Name: name, Sort: sort, Columns: slices.Clone(columns)})
	return name
}

func (n *notes) statement(ctx context.Context, sql string, args []any) {
	name, _ := ctx.Value(purposeKey{}).(string)
	cohort, _ := ctx.Value(cohortKey{}).(string)
	if args == nil {
		args = []any{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.statements = append(n.statements, OutlineStatement{Name: name, Cohort: cohort, SQL: sql, Parameters: args})
}

// named notes that a statement has the number of a name.
func (n *notes) named(event string, number uint8) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events[event] = number
}

func (n *notes) eventNames() []OutlineName {
	out := make([]OutlineName, 0, len(n.events))
	for event, number := range n.events {
		out = append(out, OutlineName{number, event})
	}
	slices.SortFunc(out, func(a, b OutlineName) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

// columns are those of properties that some relation has.
func (n *notes) columns() []OutlineColumn {
	out := []OutlineColumn{}
	for _, list := range n.schema.Properties {
		for _, p := range list {
			if slices.ContainsFunc(n.relations, func(r OutlineRelation) bool { return slices.Contains(r.Columns, p.Column) }) {
				out = append(out, OutlineColumn{Column: p.Column, Property: p.Key, Type: typeWords[p.Type]})
			}
		}
	}
	slices.SortFunc(out, func(a, b OutlineColumn) int { return strings.Compare(a.Column, b.Column) })
	return out
}

// on is a cut that notes what it is asked, and has no rows.
func (n *notes) on(cut store.Cut) store.Cut {
	n.schema = cut.Schema()
	if of := n.schema.NumberOf; of != nil {
		n.schema.NumberOf = func(name string) (uint8, bool) {
			number, ok := of(name)
			if ok {
				n.named(name, number)
			}
			return number, ok
		}
	}
	return &notedCut{cut, n}
}

type notedCut struct {
	store.Cut
	notes *notes
}

// Schema implements store.Cut.
func (c *notedCut) Schema() *store.Schema { return c.notes.schema }

// Events implements store.Cut.
func (c *notedCut) Events(columns ...string) string { return c.notes.relation(RelationEvents, columns) }

// EventsAt implements store.Cut.
func (c *notedCut) EventsAt(_ []eventlog.Position, columns ...string) string {
	return c.Events(columns...)
}

// EventsOf implements store.Cut.
func (c *notedCut) EventsOf(_ []uint64, columns ...string) string { return c.Events(columns...) }

// Attribute implements store.Cut.
func (c *notedCut) Attribute(store.Attribution) {}

// People implements store.Cut.
func (c *notedCut) People([]uint64) string {
	return c.notes.relation(RelationPeople, []string{"person"})
}

// Resolve implements store.Cut.
func (c *notedCut) Resolve(_ context.Context, persons []uint64) ([]uint64, error) {
	return persons, nil
}

// Links implements store.Cut.
func (c *notedCut) Links(context.Context, []uint64) ([]store.Link, error) { return nil, nil }

// Rows implements store.Cut.
func (c *notedCut) Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error] {
	c.notes.statement(ctx, sql, args)
	return func(func([]any, error) bool) {}
}

// Batches implements store.Cut.
func (c *notedCut) Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*store.Batch, error] {
	c.notes.statement(ctx, sql, args)
	return func(func(*store.Batch, error) bool) {}
}

// Spread implements store.Cut.
func (c *notedCut) Spread(ctx context.Context, _ func() func(*store.Batch) error, sql string, args ...any) error {
	c.notes.statement(ctx, sql, args)
	return nil
}
