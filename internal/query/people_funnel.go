package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/query/funnel"
)

// PeopleOfFunnel is a cell of a FunnelAnswer.
type PeopleOfFunnel struct {
	// Step, from 1 on, picks who reached it.
	Step int `json:"step,omitempty"`
	// State is one of FunnelStates; default entered.
	State string `json:"state,omitempty"`
	// Bucket is where the interval of their entry starts.
	Bucket *time.Time `json:"bucket,omitempty"`
	// Bin is the place of a group of the histogram of time_to_convert, from 0 on.
	Bin *int `json:"bin,omitempty"`
	// Window is one of the windows of show window, in place of the question's own.
	Window string `json:"window,omitempty"`
	// Breakdown has the values of the group.
	Breakdown []any `json:"breakdown,omitempty"`
	// Compare picks the range that is compared with.
	Compare bool `json:"compare,omitempty"`
}

const (
	stateEntered   = "entered"
	stateConverted = "converted"
	stateDropped   = "dropped"
	stateOpen      = "open"
	stateStopped   = "stopped_here"
)

// FunnelStates lists what became of people: all who entered, those who converted, who dropped out or may still convert, and
// those who reached the cell's step and no later one.
func FunnelStates() []string {
	return []string{stateEntered, stateConverted, stateDropped, stateOpen, stateStopped}
}

// funnelSpot is a checked cell.
type funnelSpot struct {
	*PeopleOfFunnel
	buckets *buckets
	// bucket is -1 for any, window the place of the results.
	bucket, window int
}

func (r *ResolvedFunnel) spot(cell *PeopleOfFunnel) (*funnelSpot, error) {
	out := &funnelSpot{PeopleOfFunnel: cell, buckets: &r.buckets, bucket: -1}
	fill(&cell.State, stateEntered)
	if err := oneOf("cell.state", cell.State, FunnelStates()); err != nil {
		return nil, err
	}
	if cell.Step < 0 || cell.Step > len(r.Steps) {
		return nil, unknownCell("step", "the funnel has steps 1 to %d", len(r.Steps))
	}
	if cell.State == stateStopped && (cell.Step == 0 || cell.Step == len(r.Steps)) {
		return nil, unknownCell("step", "stopped_here needs a step before the last one")
	}
	if cell.Compare {
		if out.buckets = r.compare; r.compare == nil {
			return nil, unknownCell("compare", "the question compares with nothing")
		}
	}
	if cell.Bin != nil && (r.Show != showTime || *cell.Bin < 0 || *cell.Bin >= histogramBins) {
		return nil, unknownCell("bin", "there are bins 0 to %d, of show time_to_convert", histogramBins-1)
	}
	if cell.Window != "" {
		i := slices.Index(r.Windows, cell.Window)
		if i < 0 {
			return nil, unknownCell("window", "the question does not show the window %s", quoteShort(cell.Window))
		}
		out.window = i + 1
	}
	if cell.Bucket != nil {
		var err error
		if out.bucket, err = placeOfStart("bucket", out.buckets.starts, *cell.Bucket); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *ResolvedFunnel) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfFunnel](data)
	if err != nil {
		return nil, err
	}
	spot, err := r.spot(cell)
	if err != nil {
		return nil, err
	}
	f := &asking{ResolvedFunnel: r, engine: g.engine, cut: g.cut, scope: g.scope, now: r.asOf}
	p, err := f.partOf(ctx, spot)
	if err != nil {
		return nil, err
	}
	bins, err := f.bins(ctx, p, spot)
	if err != nil {
		return nil, err
	}
	actors := []uint64{}
	for _, row := range f.rowsIn(p, spot, bins) {
		actors = append(actors, p.Rows[row].Actor)
	}
	if actors = distinct(actors); r.Unit == unitPerson {
		return actors, nil
	}
	return f.personsOf(ctx, spot.buckets, actors)
}

// partOf has the results of the cell's group.
func (f *asking) partOf(ctx context.Context, spot *funnelSpot) (*part, error) {
	own, err := f.prepared(ctx)
	if err != nil {
		return nil, err
	}
	g := f.group(own)
	line, err := placeOfGroup(f.dimensions, g.shown, spot.Breakdown)
	if err != nil {
		return nil, err
	}
	if len(g.shown) == 0 {
		return &part{Tally: own[0]}, nil
	}
	if spot.Compare {
		if own, err = f.over(ctx, f.compare); err != nil {
			return nil, err
		}
		g.extend(len(f.values.groups))
	}
	return &g.parts(own[spot.window])[line], nil
}

// bins is the histogram of a cell's group, if the cell is of one of its bars. Everybody's times say where bars begin and end.
func (f *asking) bins(ctx context.Context, p *part, spot *funnelSpot) (_ []FunnelBin, err error) {
	if spot.Bin == nil {
		return nil, nil
	}
	if own, ok := f.cut.(*ownCut); ok {
		all := &asking{ResolvedFunnel: f.ResolvedFunnel, engine: f.engine, cut: own.peopledCut, scope: f.scope, now: f.now}
		if p, err = all.partOf(ctx, spot); err != nil {
			return nil, err
		}
	}
	return f.times(p).Histogram, nil
}

// rowsIn are the results of a group that count in a cell, which may be of one of the bars.
func (f *asking) rowsIn(p *part, spot *funnelSpot, bins []FunnelBin) []int {
	out := []int{}
	for _, r := range p.rows {
		row := &p.Rows[r]
		if f.inState(row, spot) && (spot.bucket < 0 || placeOfEntry(spot.buckets, entryOf(row)) == spot.bucket) {
			out = append(out, r)
		}
	}
	if spot.Bin == nil {
		return out
	}
	return slices.DeleteFunc(out, func(r int) bool {
		took, ok := f.took(p, r)
		return !ok || binOf(bins, took) != *spot.Bin
	})
}

func (f *asking) inState(row *funnel.Row, spot *funnelSpot) bool {
	if spot.Step > 0 && !did(row, spot.Step-1) {
		return false
	}
	switch spot.State {
	case stateConverted:
		return row.State == funnel.Converted
	case stateDropped:
		return row.State == funnel.Dropped
	case stateOpen:
		return row.State == funnel.Open
	case stateStopped:
		return row.Done>>spot.Step == 0
	}
	return true
}

// personsOf are the people whose events the question looks at in some units.
func (f *asking) personsOf(ctx context.Context, b *buckets, actors []uint64) ([]uint64, error) {
	wanted := make(map[uint64]struct{}, len(actors))
	for _, a := range actors {
		wanted[a] = struct{}{}
	}
	c := newCompiler(f.cut)
	g := f.gathering(b)
	g.persons = true
	sql := "SELECT DISTINCT actor, person FROM (" + g.sql(c) + ")"
	out := []uint64{}
	for batch, err := range f.cut.Batches(ctx, sql, c.args...) {
		if err != nil {
			return nil, fmt.Errorf("read the people of a %s: %w", f.Unit, err)
		}
		for i, actor := range batch.Columns[0].Uint64 {
			if _, ok := wanted[actor]; ok {
				out = append(out, batch.Columns[1].Uint64[i])
			}
		}
	}
	return distinct(out), nil
}

// binOf is the place of a time in a histogram.
func binOf(bins []FunnelBin, took float64) int {
	for i := range bins {
		if took >= bins[i].FromMS && (took < bins[i].ToMS || i == len(bins)-1 && took <= bins[i].ToMS) {
			return i
		}
	}
	return -1
}

// stepName is how a step is called in a sentence.
func (r *ResolvedFunnel) stepName(i int) string {
	return "step " + strconv.Itoa(i+1) + " (" + r.Steps[i].Label + ")"
}
