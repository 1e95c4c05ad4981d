package query

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/retention"
	"github.com/freshet/freshet/internal/store"
)

// RetentionAnswer is what comes back for Retention.
type RetentionAnswer struct {
	Kind     string      `json:"kind"`
	Range    AnswerRange `json:"range"`
	Interval string      `json:"interval"`
	// Columns are the offsets of the cells.
	Columns []RetentionBracket `json:"columns"`
	// Tables has one table a value of the breakdown, or a single one.
	Tables []RetentionTable `json:"tables"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed []Unparsed `json:"unparsed,omitempty"`
	// Question is what was asked, with every default filled in.
	Question  Retention       `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// RetentionTable is the table of one value of the breakdown.
type RetentionTable struct {
	Breakdown []any `json:"breakdown,omitempty"`
	// People is how many are in any of the cohorts.
	People  int64             `json:"people"`
	Cohorts []RetentionCohort `json:"cohorts"`
	// Average has a column's complete cells together, so that each cohort weighs what it has in people.
	Average []RetentionMean `json:"average"`
}

// RetentionCohort are the people who started in one interval.
type RetentionCohort struct {
	// Start is where the interval begins on the calendar; Partial tells that it is not over.
	Start   time.Time       `json:"start"`
	Partial bool            `json:"partial,omitempty"`
	Size    int64           `json:"size"`
	Cells   []RetentionCell `json:"cells"`
}

// The states of a cell.
const (
	CellComplete = "complete"
	CellSoFar    = "so_far"
	CellFuture   = "future"
)

// RetentionCell is how many of a cohort came back at the offsets of a column.
type RetentionCell struct {
	// Count is null for what lies in the future.
	Count *int64 `json:"count"`
	// Rate is the share of the cohort, null for a cohort of no one.
	Rate *float64 `json:"rate"`
	// State is complete, so_far (the time of the offsets is not over for all of the cohort) or future.
	State string `json:"state"`
}

// RetentionMean is the average of a column.
type RetentionMean struct {
	// Count of Size people came back, over the complete cells.
	Count int64    `json:"count"`
	Size  int64    `json:"size"`
	Rate  *float64 `json:"rate"`
}

// Retention answers a question, on one cut of the data.
func (e *Engine) Retention(ctx context.Context, s Scope, r *ResolvedRetention) (*RetentionAnswer, error) {
	a := &RetentionAnswer{Kind: "retention", Range: answerRange(&r.buckets, r.zone), Interval: r.Interval, Question: r.Retention}
	for i := range r.config.Columns() {
		b := r.config.Column(i)
		a.Columns = append(a.Columns, RetentionBracket{b.From, b.To})
	}
	err := e.answering(ctx, "retention", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = r.unparsed(ctx, e, cut); err != nil {
			return err
		}
		dimensions, err := r.grouped(ctx, e, cut, s, &r.Start, r.Where, r.Breakdown)
		if err != nil {
			return err
		}
		events, values, err := r.selection(e, cut, dimensions).read(ctx)
		if err != nil {
			return err
		}
		defer events.Free()
		a.Tables, err = r.tables(ctx, events, values, dimensions)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// tables walks the people.
func (r *ResolvedRetention) tables(ctx context.Context, events *history.Builder, values *valueCodes, dimensions []*dimension) ([]RetentionTable, error) {
	config, shown, err := r.lined(ctx, events, values, dimensions)
	if err != nil {
		return nil, err
	}
	lines := 1
	if shown != nil {
		lines = len(shown)
	}
	tally, err := walkRetention(ctx, events, &config, lines)
	if err != nil {
		return nil, err
	}
	out := []RetentionTable{}
	for i := range lines {
		t := r.table(tally, i)
		if shown != nil {
			t.Breakdown = labels(dimensions, shown[i])
		}
		out = append(out, t)
	}
	return out, nil
}

// lined is the machine's configuration with a line for each of the groups shown, which are nil without a breakdown.
func (r *ResolvedRetention) lined(
	ctx context.Context, events *history.Builder, values *valueCodes, dimensions []*dimension,
) (config retention.Config, shown [][]any, err error) {
	if config = r.config; len(dimensions) == 0 {
		return config, nil, nil
	}
	ranking, err := r.rank(ctx, events, len(values.groups))
	if err == nil {
		shown, config.Lines = values.top(ranking, r.BreakdownLimit)
	}
	return config, shown, err
}

func walkRetention(ctx context.Context, events *history.Builder, config *retention.Config, lines int) (*retention.Tally, error) {
	return walkAll(ctx, events, func() (*retention.Tally, func(*history.Actor)) {
		m, t := retention.New(config), retention.NewTally(config, lines)
		return t, func(a *history.Actor) { t.Add(m.Walk(a.Events)) }
	})
}

// rank counts the people of every value.
func (r *ResolvedRetention) rank(ctx context.Context, events *history.Builder, n int) ([]int64, error) {
	config := r.config
	config.Lines = make([]int32, n)
	for i := range config.Lines {
		config.Lines[i] = int32(i)
	}
	var rankings []retention.Ranking
	err := events.Each(ctx, func() func(*history.Actor) {
		m, ranking := retention.New(&config), make(retention.Ranking, n)
		rankings = append(rankings, ranking)
		return func(a *history.Actor) { ranking.Add(m.Walk(a.Events)) }
	})
	if err != nil {
		return nil, err
	}
	for _, other := range rankings[1:] {
		for i, n := range other {
			rankings[0][i] += n
		}
	}
	return rankings[0], nil
}

// top chooses the values with the greatest totals, at most limit, and leads every value to its place among them; the
// others to one more place, which is nil and only there if needed.
func (c *valueCodes) top(totals []int64, limit int) (shown [][]any, lines []int32) {
	order := make([]int32, 0, len(totals))
	for i, n := range totals {
		if n > 0 {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), compareGroups(c.groups[a], c.groups[b]))
	})
	lines, shown = make([]int32, len(totals)), [][]any{}
	for place, code := range order {
		lines[code] = int32(min(place, limit))
		if place < limit {
			shown = append(shown, c.groups[code])
		}
	}
	if len(order) > limit {
		shown = append(shown, nil)
	}
	return shown, lines
}

// compareGroups puts missing values first and orders others as texts.
func compareGroups(a, b []any) int {
	for i := range a {
		x, hasX := a[i].(string)
		y, hasY := b[i].(string)
		if hasX != hasY {
			if hasX {
				return 1
			}
			return -1
		}
		if n := cmp.Compare(x, y); n != 0 {
			return n
		}
	}
	return 0
}

// labels is a group as the answer shows it; nil is that of all other values.
func labels(dimensions []*dimension, group []any) []any {
	out := make([]any, len(dimensions))
	for i, d := range dimensions {
		if out[i] = groupOther; group != nil {
			out[i] = d.label(group[i])
		}
	}
	return out
}

func (r *ResolvedRetention) table(t *retention.Tally, line int) RetentionTable {
	now := r.asked()
	out := RetentionTable{People: t.Lines[line].Actors, Cohorts: []RetentionCohort{}, Average: []RetentionMean{}}
	for i, c := range t.Lines[line].Cohorts {
		cohort := RetentionCohort{Start: r.buckets.starts[i], Partial: i >= r.buckets.ended, Size: c.Size, Cells: []RetentionCell{}}
		for k, n := range c.Counts {
			cell := RetentionCell{State: CellFuture}
			switch t.State(line, i, k, now) {
			case retention.Complete:
				cell.State = CellComplete
			case retention.SoFar:
				cell.State = CellSoFar
			case retention.Future:
			}
			if cell.State != CellFuture {
				cell.Count, cell.Rate = &n, share(n, c.Size)
			}
			cohort.Cells = append(cohort.Cells, cell)
		}
		out.Cohorts = append(out.Cohorts, cohort)
	}
	for k := range r.config.Columns() {
		m := t.Mean(line, k, now)
		out.Average = append(out.Average, RetentionMean{Count: m.Count, Size: m.Size, Rate: share(m.Count, m.Size)})
	}
	return out
}

// share is n / of, or nil.
func share(n, of int64) *float64 {
	if of == 0 {
		return nil
	}
	f := float64(n) / float64(of)
	return &f
}
