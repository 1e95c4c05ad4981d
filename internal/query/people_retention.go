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
	// Cohort is where the interval of the cohort starts; without it the people of any cohort, of a column those of the cohorts
	// whose cell is complete, as in the average.
	Cohort *time.Time `json:"cohort,omitempty"`
	// Column is the place of a column among the answer's, from 0 on; without it the whole cohort.
	Column *int `json:"column,omitempty"`
	// Returned picks who came back in the column (true, the default) or who did not.
	Returned *bool `json:"returned,omitempty"`
	// Breakdown has the values of the table.
	Breakdown []any `json:"breakdown,omitempty"`
}

// retentionSpot is a checked cell; cohort and column are -1 for any. A column of any cohort is one of those whose cell is complete.
type retentionSpot struct {
	cohort, column int
	returned       bool
	complete       []bool
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
	return out, nil
}

// averaged tells whether the cell is one of the average, so that which cohorts are in it is to be found out.
func (s *retentionSpot) averaged() bool { return s.cohort < 0 && s.column >= 0 }

// among tells whether the cell is one of a cohort, or takes it in.
func (s *retentionSpot) among(cohort int32) bool {
	if s.cohort >= 0 {
		return int(cohort) == s.cohort
	}
	return s.column < 0 || s.complete[cohort]
}

// holds tells whether an actor with these memberships is in the cell.
func (s *retentionSpot) holds(list []retention.Membership) bool {
	for i := range list {
		m := &list[i]
		if m.Line == s.line && s.among(m.Cohort) && (s.column < 0 || m.In(s.column) == s.returned) {
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
	events, config, err := r.locate(ctx, g, spot, cell.Breakdown)
	if err != nil {
		return nil, err
	}
	return collect(ctx, events, func() func(*history.Actor) bool {
		m := retention.New(config)
		return func(a *history.Actor) bool { return spot.holds(m.Walk(a.Events)) }
	})
}

// locate reads everybody's events, and finds the cell's line among them and the cohorts that it takes in.
func (r *ResolvedRetention) locate(
	ctx context.Context, g *ground, spot *retentionSpot, breakdown []any,
) (*history.Builder, *retention.Config, error) {
	dimensions, err := r.grouped(ctx, g.engine, g.cut, g.scope, &r.Start, r.Where, r.Breakdown)
	if err != nil {
		return nil, nil, err
	}
	events, values, err := r.selection(g.engine, g.cut, dimensions).read(ctx)
	if err != nil {
		return nil, nil, err
	}
	config, shown, err := r.lined(ctx, events, values, dimensions)
	if err != nil {
		return nil, nil, err
	}
	line, err := placeOfGroup(dimensions, shown, breakdown)
	if err != nil {
		return nil, nil, err
	}
	spot.line = int32(line)
	if !spot.averaged() {
		return events, &config, nil
	}
	// Which cells are complete goes by when the last of a cohort started, if everybody has a clock of their own: everybody is read
	// again where the ground has one person's events.
	everybody := events
	if own, ok := g.cut.(*ownCut); ok && config.Rolling {
		if everybody, _, err = r.selection(g.engine, own.peopledCut, nil).read(ctx); err != nil {
			return nil, nil, err
		}
		defer everybody.Free()
	}
	tally, err := walkRetention(ctx, everybody, &config, max(1, len(shown)))
	if err != nil {
		return nil, nil, err
	}
	now := r.asked()
	for i := range tally.Lines[line].Cohorts {
		spot.complete = append(spot.complete, tally.State(line, i, spot.column, now) == retention.Complete)
	}
	return events, &config, nil
}
