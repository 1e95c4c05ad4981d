package query

import (
	"context"
	"encoding/json"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/retention"
)

// PeopleOfRetention is a cell of a RetentionAnswer.
type PeopleOfRetention struct {
	// Cohort is where the interval of the cohort starts; without it the people of any cohort.
	Cohort *time.Time `json:"cohort,omitempty"`
	// Column is the place of a column among the answer's, from 0 on; without it the whole cohort.
	Column *int `json:"column,omitempty"`
	// Returned picks who came back in the column (true, the default) or who did not.
	Returned *bool `json:"returned,omitempty"`
	// Breakdown has the values of the table.
	Breakdown []any `json:"breakdown,omitempty"`
}

// retentionSpot is a checked cell; cohort and column are -1 for any.
type retentionSpot struct {
	cohort, column int
	returned       bool
	// line is that of the cell's group.
	line int32
}

func (r *ResolvedRetention) spot(cell *PeopleOfRetention) (*retentionSpot, error) {
	out := &retentionSpot{cohort: -1, column: -1, returned: true}
	if cell.Cohort != nil {
		var err error
		if out.cohort, err = placeOfStart("cohort", r.buckets.starts, *cell.Cohort); err != nil {
			return nil, err
		}
	}
	if cell.Returned != nil {
		out.returned = *cell.Returned
	}
	if cell.Column == nil {
		if !out.returned {
			return nil, invalid("cell.column", "missing_field", "who did not return is a matter of a column")
		}
		return out, nil
	}
	if out.column = *cell.Column; out.column < 0 || out.column >= r.config.Columns() {
		return nil, unknownCell("column", "the answer has columns 0 to %d", r.config.Columns()-1)
	}
	if out.cohort < 0 {
		return nil, invalid("cell.cohort", "missing_field", "a column is one of a cohort")
	}
	return out, nil
}

// holds tells whether an actor with these memberships is in the cell.
func (s *retentionSpot) holds(list []retention.Membership) bool {
	for i := range list {
		m := &list[i]
		if m.Line == s.line && (s.cohort < 0 || int(m.Cohort) == s.cohort) && (s.column < 0 || m.In(s.column) == s.returned) {
			return true
		}
	}
	return false
}

func (r *ResolvedRetention) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfRetention](data)
	if err != nil {
		return nil, err
	}
	spot, err := r.spot(cell)
	if err != nil {
		return nil, err
	}
	dimensions, err := r.grouped(ctx, g.engine, g.cut, g.scope, &r.Start, r.Where, r.Breakdown)
	if err != nil {
		return nil, err
	}
	events, values, err := r.selection(g.engine, g.cut, dimensions).read(ctx)
	if err != nil {
		return nil, err
	}
	config, shown, err := r.lined(ctx, events, values, dimensions)
	if err != nil {
		return nil, err
	}
	line, err := placeOfGroup(dimensions, shown, cell.Breakdown)
	if err != nil {
		return nil, err
	}
	spot.line = int32(line)
	return collect(ctx, events, func() func(*history.Actor) bool {
		m := retention.New(&config)
		return func(a *history.Actor) bool { return spot.holds(m.Walk(a.Events)) }
	})
}
