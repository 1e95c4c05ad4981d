package funnel_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query/funnel"
	"github.com/freshet/freshet/internal/query/funnel/funneltest"
	"github.com/freshet/freshet/internal/query/history"
)

const second = int64(1e6)

// run is what the machine says about a tape.
func run(m *funnel.Machine, events []history.Event) (out []funneltest.Answer) {
	m.Run(&history.Actor{ID: 7, Events: slices.Clone(events)}, func(r *funnel.Result) {
		out = append(out, funneltest.Answer{
			Value: r.Value, Hold: r.Hold, State: r.State, Reached: r.Reached, Entry: r.Entry, Shift: r.Shift, Completed: r.Completed, Times: slices.Clone(r.Times),
			Events: slices.Clone(r.Events),
		})
	})
	return out
}

func drawConfig(t *rapid.T) funnel.Config {
	c := funnel.Config{
		Steps: rapid.IntRange(1, 4).Draw(t, "steps"), Order: funnel.Order(rapid.IntRange(0, 2).Draw(t, "order")),
		Window: rapid.SampledFrom([]int64{0, 3, 5, 10, 40}).Draw(t, "window") * second,
		Entry:  funnel.Entry(rapid.IntRange(0, 2).Draw(t, "entry")),
		From:   rapid.Int64Range(0, 6).Draw(t, "from") * second, Now: rapid.Int64Range(0, 50).Draw(t, "now") * second,
		Within: rapid.Bool().Draw(t, "within"), Drop: rapid.Bool().Draw(t, "drop"), Times: true,
		Attribution: funnel.Attribution(rapid.IntRange(0, 4).Draw(t, "attribution")),
	}
	c.To = c.From + rapid.Int64Range(1, 30).Draw(t, "range")*second
	if rapid.IntRange(0, 3).Draw(t, "clock?") == 0 {
		ahead := rapid.SliceOfN(rapid.Int64Range(-4, 4), 5, 5).Draw(t, "ahead")
		c.Clock = func(at int64, position uint64) int64 { return at + ahead[position%5]*second }
	}
	c.ValueStep = rapid.IntRange(0, c.Steps-1).Draw(t, "value step")
	switch rapid.IntRange(0, 4).Draw(t, "tie") {
	case 0:
		c.Tie = second
	case 1:
		c.Tie = 2 * second
	case 2:
		c.Second = true
	}
	if rapid.IntRange(0, 3).Draw(t, "hold?") == 0 {
		c.Hold, c.HoldUnits = true, rapid.Bool().Draw(t, "hold units")
	}
	switch {
	case c.Order == funnel.Any:
		c.Anchored = rapid.Uint64Range(0, 1<<c.Steps-1).Draw(t, "anchored")
	case rapid.IntRange(0, 2).Draw(t, "step windows?") == 0:
		c.StepWindow = make([]int64, c.Steps)
		for i := 1; i < c.Steps; i++ {
			c.StepWindow[i] = rapid.Int64Range(0, 4).Draw(t, "step window") * second
		}
	case c.Order == funnel.Sequential && rapid.IntRange(0, 2).Draw(t, "optional?") == 0:
		c.Optional = rapid.Uint64Range(0, 1<<c.Steps-1).Draw(t, "optional") &^ 1
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "exclusions") {
		var required []int
		for i := range c.Steps {
			if c.Optional&(1<<i) == 0 {
				required = append(required, i)
			}
		}
		if len(required) < 2 {
			break
		}
		from := rapid.IntRange(0, len(required)-2).Draw(t, "excluded from")
		to := rapid.IntRange(from+1, len(required)-1).Draw(t, "excluded to")
		c.Exclusions = append(c.Exclusions, funnel.Exclusion{Bit: c.Steps + len(c.Exclusions), From: required[from], To: required[to]})
	}
	return c
}

// drawTape has few moments, so that events tie, and events that match several steps or none.
func drawTape(t *rapid.T, c funnel.Config, most int) []history.Event {
	var out []history.Event
	single := rapid.Bool().Draw(t, "one step an event")
	unit := rapid.SampledFrom([]int64{second / 2, second, 3 * second}).Draw(t, "unit")
	for range rapid.IntRange(0, most).Draw(t, "events") {
		e := history.Event{
			Time: rapid.Int64Range(-2, 14).Draw(t, "at") * unit, Value: int32(rapid.IntRange(0, 2).Draw(t, "value")),
			Hold: int32(rapid.IntRange(0, 2).Draw(t, "held")),
		}
		bits := c.Steps + len(c.Exclusions)
		if single {
			e.Match = 1 << rapid.IntRange(0, bits-1).Draw(t, "bit")
		} else {
			e.Match = rapid.Uint64Range(0, 1<<bits-1).Draw(t, "match")
		}
		if e.Match != 0 || c.Order == funnel.Strict {
			out = append(out, e)
		}
	}
	// The later ones in the store come first here and there.
	for i := range out {
		out[i].Seq = uint64((i*7 + 3) % (len(out) + 1))
	}
	slices.SortFunc(out, history.Compare)
	return out
}

func TestMachineAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Trace = rapid.Bool().Draw(t, "trace")
		m := funnel.New(c, nil)
		for range 4 {
			tape := drawTape(t, c, 7)
			got, want := run(m, tape), funneltest.Answers(c, tape)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%+v\n%v\n%v, want\n%v", c, tape, got, want)
			}
		}
	})
}

// TestSweepAgreesWithOracle: the plainest rules have a pass of their own.
func TestSweepAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Order, c.Entry, c.Tie, c.StepWindow, c.Exclusions, c.Hold, c.Optional, c.Anchored = 0, 0, 0, nil, nil, false, 0, 0
		m := funnel.New(c, nil)
		for range 6 {
			tape := drawTape(t, c, 8)
			want := funneltest.Answers(c, tape)
			if got := run(m, tape); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%+v\n%v\n%v, want\n%v", c, tape, got, want)
			}
			plain := c
			plain.Times = false
			if plain.Attribution != funnel.FirstStep {
				continue
			}
			got := run(funnel.New(plain, nil), tape)
			for i := range got {
				got[i].Times, want[i].Times = nil, nil
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("without times: %+v\n%v\n%v, want\n%v", c, tape, got, want)
			}
		}
	})
}

// TestStrictTie: of two events for the second step the first happens at the moment of the entry and lies, for the third
// step, after nothing that disturbs it; the second one would, if the first were used.
func TestStrictTie(t *testing.T) {
	tape := []history.Event{
		{Time: 0, Seq: 0, Match: 1},
		{Time: 0, Seq: 1, Match: 2},
		{Time: 5 * second, Seq: 2, Match: 2},
		{Time: 10 * second, Seq: 3, Match: 4},
	}
	for _, tie := range []int64{0, second} {
		c := funnel.Config{Steps: 3, Order: funnel.Strict, Window: 60 * second, To: second, Tie: tie, Now: 100 * second, Times: true}
		got := run(funnel.New(c, nil), tape)
		if want := funneltest.Answers(c, tape); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("tie %d: %v, want %v", tie, got, want)
		}
		if len(got) != 1 || got[0].Reached != 3 {
			t.Errorf("tie %d: %v, want all three steps", tie, got)
		}
	}
}
