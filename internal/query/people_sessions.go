package query

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/session"
)

// PeopleOfSessions is a cell of a SessionsAnswer: the people of its sessions.
type PeopleOfSessions struct {
	// Bucket is where the interval starts in which the sessions began; without it the total of the range.
	Bucket *time.Time `json:"bucket,omitempty"`
	// Bounced picks the sessions of a single event.
	Bounced bool `json:"bounced,omitempty"`
	// Measure picks the sessions with an event that a measure of the question is of, by its place from 0 on.
	Measure *int `json:"measure,omitempty"`
	// Bin is the place of a group of the histogram, from 0 on.
	Bin *int `json:"bin,omitempty"`
	// Breakdown has the values of the group.
	Breakdown []any `json:"breakdown,omitempty"`
}

// visitors numbers the pairs of a value and a person that events have, as visits numbers values.
type visitors struct {
	// mu guards the rest while sides are at work.
	mu     sync.Mutex
	byPair map[visitor]int32
	pairs  []visitor
	// charge takes memory for more of them.
	charge func(bytes int64) bool
}

// visitorBytes is about what a pair takes in the map and in the list.
const visitorBytes = 64

type visitor struct {
	value  int32
	person uint64
}

func newVisitors() *visitors { return &visitors{byPair: map[visitor]int32{}} }

// of is the number of a pair. The error for more than fit the memory is an *event.Error.
func (v *visitors) of(pair visitor) (int32, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	code, ok := v.byPair[pair]
	if !ok {
		if !v.charge(visitorBytes) {
			return 0, event.Errorf(event.TooLarge, "too_many_people",
				"the sessions are of more than %d people and values of the breakdown, which do not fit the memory; ask for a shorter range or without a breakdown", len(v.pairs))
		}
		code = int32(len(v.pairs))
		v.byPair[pair], v.pairs = code, append(v.pairs, pair)
	}
	return code, nil
}

// lines leads pairs to what lines leads their values to; nil leads every value to itself.
func (v *visitors) lines(lines []int32) []int32 {
	out := make([]int32, len(v.pairs))
	for i, p := range v.pairs {
		if out[i] = p.value; lines != nil {
			out[i] = lines[p.value]
		}
	}
	return out
}

func (r *ResolvedSessions) people(ctx context.Context, g *ground, data json.RawMessage) ([]uint64, error) {
	cell, err := decodeCell[PeopleOfSessions](data)
	if err != nil {
		return nil, err
	}
	bucket, err := r.check(cell)
	if err != nil {
		return nil, err
	}
	v := &visits{ResolvedSessions: r, engine: g.engine, cut: g.cut, visitors: newVisitors()}
	if v.dimensions, err = r.grouped(ctx, g.engine, g.cut, g.scope, r.Holding, r.Where, r.Breakdown); err != nil {
		return nil, err
	}
	events, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	defer events.Free()
	config, shown, err := v.lined(ctx, events)
	if err != nil {
		return nil, err
	}
	line, err := placeOfGroup(v.dimensions, shown, cell.Breakdown)
	if err != nil {
		return nil, err
	}
	var bins []FunnelBin
	if cell.Bin != nil {
		if bins, err = v.bins(ctx, events, &config, len(shown), line); err != nil {
			return nil, err
		}
		if len(bins) == 0 {
			return nil, unknownCell("bin", "there is no session, so the histogram has no bin")
		}
		if *cell.Bin >= len(bins) {
			return nil, unknownCell("bin", "the histogram has bins 0 to %d", len(bins)-1)
		}
	}
	return v.behind(ctx, events, &config, func(s *session.Session) bool {
		return int(s.Line) == line && (bucket < 0 || int(s.Interval) == bucket) && (!cell.Bounced || s.Bounced()) &&
			(cell.Measure == nil || s.Measures[*cell.Measure].Events > 0) &&
			(cell.Bin == nil || binOf(bins, float64(s.End-s.Begin)/1e3) == *cell.Bin)
	})
}

// check is for what can be said without the data; it has the place of the bucket, -1 for the range.
func (r *ResolvedSessions) check(cell *PeopleOfSessions) (bucket int, err error) {
	if cell.Measure != nil && (*cell.Measure < 0 || *cell.Measure >= len(r.Measures)) {
		return 0, unknownCell("measure", "the question has %d measures", len(r.Measures))
	}
	if cell.Bin != nil && (r.Show != showSessionDuration || *cell.Bin < 0 || *cell.Bin >= histogramBins) {
		return 0, unknownCell("bin", "there are bins 0 to %d, of show duration", histogramBins-1)
	}
	if cell.Bucket == nil {
		return -1, nil
	}
	return placeOfStart("bucket", r.buckets.starts, *cell.Bucket)
}

// bins are those of the histogram of a line.
func (v *visits) bins(ctx context.Context, events *history.Builder, config *session.Config, lines, line int) ([]FunnelBin, error) {
	tally, err := v.tally(ctx, events, config, max(1, lines))
	if err != nil {
		return nil, err
	}
	var total session.Cell
	for k := range tally.Cells[line] {
		total.Merge(&tally.Cells[line][k])
	}
	slices.Sort(total.Durations)
	return lengths(&total), nil
}

// behind has the people of the events of some sessions.
func (v *visits) behind(
	ctx context.Context, events *history.Builder, config *session.Config, picks func(*session.Session) bool,
) ([]uint64, error) {
	return gather(ctx, events, func(found *roll) func(*history.Actor) {
		m := session.New(config)
		return func(a *history.Actor) {
			sessions := m.Walk(a.Events)
			for i := range sessions {
				if !picks(&sessions[i]) {
					continue
				}
				for e := range a.Events {
					if m.Holds(&sessions[i], e) {
						*found = append(*found, v.visitors.pairs[a.Events[e].Value].person)
					}
				}
			}
		}
	})
}
