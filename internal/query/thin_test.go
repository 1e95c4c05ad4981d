package query_test

import (
	"fmt"
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
