package query_test

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
	events "github.com/freshet/freshet/internal/query/history"
)

// TestThinnedRowsSayTheSame: between any two cuts the same people did the same of the same value, and each first did the
// same event.
func TestThinnedRowsSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cuts, in := []int64{10, 20, 20, 35}, &events.Columns{}
		for i := range rapid.IntRange(0, 30).Draw(t, "rows") {
			in.Actor = append(in.Actor, rapid.Uint64Range(1, 2).Draw(t, "actor"))
			in.Time = append(in.Time, rapid.Int64Range(0, 40).Draw(t, "time"))
			in.Match = append(in.Match, rapid.Uint64Range(1, 2).Draw(t, "match"))
			in.Seq = append(in.Seq, uint64(rapid.IntRange(0, 5).Draw(t, "seq")*100+i))
			in.Value = append(in.Value, rapid.Int32Range(0, 1).Draw(t, "value"))
		}
		first := func(c *events.Columns) map[string]string {
			out, at := map[string]string{}, map[string][2]uint64{}
			for i := range c.Time {
				stretch := 0
				for _, cut := range cuts {
					if c.Time[i] >= cut {
						stretch++
					}
				}
				place := [2]uint64{uint64(c.Time[i]), c.Seq[i]}
				for _, key := range []string{
					fmt.Sprint(c.Actor[i], stretch, c.Match[i]),
					fmt.Sprint(c.Actor[i], stretch, c.Match[i], c.Value[i]),
				} {
					before, ok := at[key]
					if !ok || place[0] < before[0] || place[0] == before[0] && place[1] < before[1] {
						at[key], out[key] = place, fmt.Sprint(place, c.Value[i])
					}
				}
			}
			return out
		}
		thin := query.Thin(cuts, in)
		if got, want := fmt.Sprint(first(thin)), fmt.Sprint(first(in)); got != want || len(thin.Time) > len(in.Time) {
			t.Fatalf("%+v\n%+v\n%s, want\n%s", in, thin, got, want)
		}
	})
}

// TestThinnedDaysSayTheSame: between any two cuts the same people did the same, and the times lie between the same cuts
// as the days.
func TestThinnedDaysSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days, cuts, in := []int64{-2, 3, 3, 4}, []int64{-2000, 3100, 3100, 4000}, &events.Columns{}
		for range rapid.IntRange(0, 30).Draw(t, "rows") {
			in.Actor = append(in.Actor, rapid.Uint64Range(1, 2).Draw(t, "actor"))
			in.Time = append(in.Time, rapid.Int64Range(-4, 6).Draw(t, "day"))
			in.Match = append(in.Match, rapid.Uint64Range(1, 2).Draw(t, "match"))
		}
		if rapid.Bool().Draw(t, "one selector") {
			in.Match = nil
		}
		did := func(cuts []int64, c *events.Columns) map[string]bool {
			out := map[string]bool{}
			for i := range c.Time {
				stretch, match := 0, uint64(1)
				for _, cut := range cuts {
					if c.Time[i] >= cut {
						stretch++
					}
				}
				if c.Match != nil {
					match = c.Match[i]
				}
				out[fmt.Sprint(c.Actor[i], stretch, match)] = true
			}
			return out
		}
		thin := query.ThinDays(days, cuts, in)
		if got, want := did(cuts, thin), did(days, in); !maps.Equal(got, want) || len(thin.Time) > len(in.Time) {
			t.Fatalf("%+v\n%+v\n%v, want\n%v", in, thin, got, want)
		}
	})
}
