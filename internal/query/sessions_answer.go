package query

import (
	"context"
	"slices"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/session"
	"github.com/freshet/freshet/internal/store"
)

// SessionsAnswer is what comes back for Sessions.
type SessionsAnswer struct {
	Kind     string      `json:"kind"`
	Range    AnswerRange `json:"range"`
	Interval string      `json:"interval"`
	Buckets  []Bucket    `json:"buckets"`
	// Groups has one a value of the breakdown, or a single one.
	Groups []SessionsGroup `json:"groups"`
	// Unparsed has the properties that the question reads as numbers.
	Unparsed  []Unparsed      `json:"unparsed,omitempty"`
	Question  Sessions        `json:"question"`
	Watermark store.Watermark `json:"watermark"`
	Cached    bool            `json:"cached"`
	TookMS    float64         `json:"took_ms"`
}

// SessionsGroup has the sessions of one value of the breakdown.
type SessionsGroup struct {
	Breakdown []any `json:"breakdown,omitempty"`
	// Total is that of the range, Buckets that of each bucket.
	Total   SessionsNumbers   `json:"total"`
	Buckets []SessionsNumbers `json:"buckets"`
	// Histogram has groups of equal width from the shortest to the longest session of the range, if the question shows it.
	Histogram []FunnelBin `json:"histogram,omitempty"`
}

// SessionsNumbers are those of some sessions. All but the counts are null of no session.
type SessionsNumbers struct {
	Sessions int64 `json:"sessions"`
	// Bounces are sessions of a single event.
	Bounces    int64    `json:"bounces"`
	BounceRate *float64 `json:"bounce_rate"`
	// EventsPerSession counts the events that bear sessions.
	EventsPerSession *float64 `json:"events_per_session"`
	// AverageSeconds, MedianSeconds and P90Seconds are of the time from the first to the last event.
	AverageSeconds *float64 `json:"average_seconds"`
	MedianSeconds  *float64 `json:"median_seconds"`
	P90Seconds     *float64 `json:"p90_seconds"`
	// Measures has the numbers of each measure of the question.
	Measures []SessionMeasured `json:"measures,omitempty"`
}

// Sessions answers a question, on one cut of the data.
func (e *Engine) Sessions(ctx context.Context, s Scope, r *ResolvedSessions) (*SessionsAnswer, error) {
	a := &SessionsAnswer{Kind: "sessions", Range: answerRange(&r.buckets, r.zone), Interval: r.Interval, Question: r.Sessions, Buckets: []Bucket{}}
	for i, start := range r.buckets.starts {
		a.Buckets = append(a.Buckets, Bucket{Start: start, Partial: i >= r.buckets.ended})
	}
	err := e.answering(ctx, "sessions", s, r.attribution(), &a.Watermark, &a.TookMS, func(ctx context.Context, cut *peopledCut) error {
		var err error
		if a.Unparsed, err = r.unparsed(ctx, e, cut); err != nil {
			return err
		}
		dimensions, err := r.grouped(ctx, e, cut, s, r.Holding, r.Where, r.Breakdown)
		if err != nil {
			return err
		}
		v := &visits{ResolvedSessions: r, engine: e, cut: cut, dimensions: dimensions, amounts: true}
		events, err := v.read(ctx)
		if err != nil {
			return err
		}
		defer events.Free()
		a.Groups, err = v.groups(ctx, events)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// groups walks the devices.
func (v *visits) groups(ctx context.Context, events *history.Builder) ([]SessionsGroup, error) {
	config, shown, err := v.lined(ctx, events)
	if err != nil {
		return nil, err
	}
	lines := 1
	if shown != nil {
		lines = len(shown)
	}
	tally, err := v.tally(ctx, events, &config, lines)
	if err != nil {
		return nil, err
	}
	out := []SessionsGroup{}
	for i, cells := range tally.Cells {
		g := SessionsGroup{Buckets: []SessionsNumbers{}}
		total := session.Total(cells)
		for k := range cells {
			g.Buckets = append(g.Buckets, v.numbers(&cells[k]))
		}
		g.Total = v.numbers(&total)
		if v.Show == showSessionDuration {
			g.Histogram = lengths(&total)
		}
		if shown != nil {
			g.Breakdown = labels(v.dimensions, shown[i])
		}
		out = append(out, g)
	}
	return out, nil
}

// tally adds the sessions up. The error for more than fit the memory is an *event.Error.
func (v *visits) tally(ctx context.Context, events *history.Builder, config *session.Config, lines int) (*session.Tally, error) {
	walk, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	tally, err := walkAll(walk, events, func() (*session.Tally, func(*history.Actor)) {
		m, t := session.New(config), session.NewTally(config, lines)
		return t, func(a *history.Actor) {
			list := m.Walk(a.Events)
			if events.Charge(session.Bytes(list)) {
				t.Add(list)
				return
			}
			stop(event.Errorf(event.TooLarge, "too_many_sessions",
				"the sessions and their measures take more than %d bytes of memory; ask for a shorter range or for sessions that hold an event",
				events.Memory()/2))
		}
	})
	if err != nil && walk.Err() != nil {
		return nil, context.Cause(walk)
	}
	return tally, err
}

// lined is the machine's configuration with a line for each of the groups shown, which are nil without a breakdown.
func (v *visits) lined(ctx context.Context, events *history.Builder) (config session.Config, shown [][]any, err error) {
	if config = v.config; len(v.dimensions) == 0 {
		return config, nil, nil
	}
	ranking, err := v.rank(ctx, events)
	if err != nil {
		return config, nil, err
	}
	shown, config.Lines = v.values.top(ranking, v.BreakdownLimit)
	if v.visitors != nil {
		config.Lines = v.visitors.lines(config.Lines)
	}
	return config, shown, nil
}

// rank counts the sessions of every value.
func (v *visits) rank(ctx context.Context, events *history.Builder) ([]int64, error) {
	config, n := v.config, len(v.values.groups)
	config.Lines = make([]int32, n)
	for i := range config.Lines {
		config.Lines[i] = int32(i)
	}
	if v.visitors != nil {
		config.Lines = v.visitors.lines(nil)
	}
	var rankings []session.Ranking
	err := events.Each(ctx, func() func(*history.Actor) {
		m, ranking := session.New(&config), make(session.Ranking, n)
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

// lengths counts how many sessions last how long. The cell's durations are sorted.
func lengths(c *session.Cell) []FunnelBin {
	ms := make([]float64, len(c.Durations))
	for i, us := range c.Durations {
		ms[i] = float64(us) / 1e3
	}
	if len(ms) == 0 {
		return nil
	}
	return histogram(ms, ms[0], ms[len(ms)-1])
}

func (r *ResolvedSessions) numbers(c *session.Cell) SessionsNumbers {
	n := SessionsNumbers{Sessions: c.Sessions, Bounces: c.Bounces, BounceRate: share(c.Bounces, c.Sessions), EventsPerSession: share(c.Events, c.Sessions)}
	n.Measures = r.measured(c)
	if c.Sessions == 0 {
		return n
	}
	slices.Sort(c.Durations)
	sum := int64(0)
	for _, d := range c.Durations {
		sum += d
	}
	average := float64(sum) / float64(c.Sessions) / 1e6
	n.AverageSeconds, n.MedianSeconds, n.P90Seconds = &average, quantileSeconds(c.Durations, 0.5), quantileSeconds(c.Durations, 0.9)
	return n
}

// quantileSeconds interpolates between the two nearest of some sorted durations.
func quantileSeconds(sorted []int64, q float64) *float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	out := float64(sorted[low])
	if low+1 < len(sorted) {
		out += (at - float64(low)) * float64(sorted[low+1]-sorted[low])
	}
	out /= 1e6
	return &out
}
