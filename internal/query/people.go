package query

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// A cell names one number of an answer by the words of the answer itself: where its bucket starts, which step it is of,
// which values of the breakdown it stands for. The people behind it are found by the very pass that counts it. Where a
// number counts sessions, devices, groups or events, they are the people whose events these are.

// ground is what people are looked for in: one cut of one project.
type ground struct {
	engine *Engine
	cut    cohortCut
	scope  Scope
}

// counted is a question whose numbers have people behind them.
type counted interface {
	// people are those behind a cell, ascending.
	people(ctx context.Context, g *ground, cell json.RawMessage) ([]uint64, error)
}

// People returns the numbers of the people behind one cell of the question's answer, ascending and each once. The cell
// is JSON of the kind's type: PeopleOfTrends, PeopleOfFunnel and so on. What is wrong with it is an *event.Error whose
// field begins with "cell".
func (e *Engine) People(ctx context.Context, s Scope, r Asked, cell json.RawMessage) (people []uint64, w store.Watermark, err error) {
	err = e.ask(ctx, "people", s, func(ctx context.Context, cut *peopledCut) error {
		w = cut.Watermark()
		people, err = e.peopleOn(ctx, cut, s, r, cell)
		return err
	})
	return people, w, err
}

// peopleOn is People on a cut that the caller holds.
func (e *Engine) peopleOn(ctx context.Context, cut cohortCut, s Scope, r Asked, cell json.RawMessage) (people []uint64, err error) {
	err = cut.under(r.attribution(), func() error {
		people, err = e.peopleWithin(ctx, cut, s, r, cell)
		return err
	})
	return people, err
}

// peopleWithin is peopleOn with events attributed as they are on the cut at the moment.
func (e *Engine) peopleWithin(ctx context.Context, cut cohortCut, s Scope, r Asked, cell json.RawMessage) ([]uint64, error) {
	c, ok := r.(counted)
	if !ok {
		return nil, fmt.Errorf("find people: a %T has none", r)
	}
	return c.people(ctx, &ground{e, cut, s}, cell)
}

// decodeCell reads a cell strictly.
func decodeCell[T any](data json.RawMessage) (*T, error) {
	out := new(T)
	if len(bytes.TrimSpace(data)) == 0 {
		return out, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, invalid("cell", "wrong_type", "the cell must be an object")
	}
	fields := reflect.ValueOf(out).Elem()
	names := fieldNames(fields.Type())
	for name := range members {
		if !slices.Contains(names, name) {
			return nil, invalid("cell."+name, "unknown_field", "a cell of this kind has no field %s, only %s", quoteShort(name), strings.Join(names, ", "))
		}
	}
	for i, name := range names {
		if data, ok := members[name]; ok {
			if err := decodeStrictly(data, fields.Field(i).Addr().Interface()); err != nil {
				return nil, invalid("cell."+name, "wrong_type", "%s does not fit here: %v", quoteShort(string(data)), err)
			}
		}
	}
	return out, nil
}

func decodeStrictly(data []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(out)
}

// fieldNames are the names in JSON of a flat struct.
func fieldNames(t reflect.Type) []string {
	out := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		out = append(out, name)
	}
	return out
}

// unknownCell is the error for a cell that the answer does not have.
func unknownCell(field, format string, args ...any) *event.Error {
	return invalid("cell."+field, "unknown_cell", format, args...)
}

// placeOfStart finds what starts at a moment.
func placeOfStart(field string, starts []time.Time, at time.Time) (int, error) {
	i := slices.IndexFunc(starts, at.Equal)
	if i < 0 && len(starts) > 0 {
		return 0, unknownCell(field, "nothing in the answer starts at %s; the first one starts at %s, the last one at %s",
			at.Format(time.RFC3339), starts[0].Format(time.RFC3339), starts[len(starts)-1].Format(time.RFC3339))
	}
	return i, nil
}

// placeOfGroup finds the group of an answer that has the labels; nil among the groups is that of all other values.
func placeOfGroup(dimensions []*dimension, groups [][]any, labeled []any) (int, error) {
	switch {
	case len(dimensions) == 0 && len(labeled) == 0:
		return 0, nil
	case len(dimensions) == 0:
		return 0, unknownCell("breakdown", "the question has no breakdown")
	case len(labeled) != len(dimensions):
		return 0, unknownCell("breakdown", "the cell has %d values of a breakdown, the question has %d properties", len(labeled), len(dimensions))
	}
	for i, g := range groups {
		if reflect.DeepEqual(labels(dimensions, g), labeled) {
			return i, nil
		}
	}
	return 0, unknownCell("breakdown", "the answer has nothing for %s", labelText(labeled))
}

// labelText shows the labels of a group.
func labelText(list []any) string {
	b, err := json.Marshal(list)
	if err != nil {
		return fmt.Sprint(list...)
	}
	return string(b)
}

// collect has the actors that a worker picks, ascending.
func collect(ctx context.Context, events *history.Builder, worker func() func(*history.Actor) bool) ([]uint64, error) {
	return gather(ctx, events, func(found *roll) func(*history.Actor) {
		picks := worker()
		return func(a *history.Actor) {
			if picks(a) {
				*found = append(*found, a.ID)
			}
		}
	})
}

// roll is who a worker has found.
type roll []uint64

// Merge adds another roll.
func (r *roll) Merge(o *roll) { *r = append(*r, *o...) }

// gather has everybody whom workers add to their rolls, ascending and each once.
func gather(ctx context.Context, events *history.Builder, worker func(found *roll) func(*history.Actor)) ([]uint64, error) {
	all, err := walkAll(ctx, events, func() (*roll, func(*history.Actor)) {
		found := &roll{}
		return found, worker(found)
	})
	if err != nil {
		return nil, err
	}
	return distinct(*all), nil
}

// distinct sorts numbers and drops what repeats.
func distinct(list []uint64) []uint64 {
	slices.Sort(list)
	return slices.Compact(list)
}

// numbersOf runs a statement that selects persons, and has each of them once, ascending.
func (g *ground) numbersOf(ctx context.Context, sql string, args []any) ([]uint64, error) {
	ctx, span := g.engine.Tracer.Start(purpose(ctx, "people"), "sql people")
	defer span.End()
	out := []uint64{}
	for b, err := range g.cut.Batches(ctx, sql, args...) {
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		out = append(out, b.Columns[0].Uint64...)
	}
	return distinct(out), nil
}
