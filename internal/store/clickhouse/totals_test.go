package clickhouse

import (
	"encoding/json"
	"testing"

	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// Which projects have rows with an overflow is known from the commits, folded or not. Of a commit by a version that did not tell,
// all projects may.
func TestOverflows(t *testing.T) {
	zones := func(projects ...store.ProjectID) map[store.ProjectID]flat.Zone {
		out := map[store.ProjectID]flat.Zone{}
		for _, p := range projects {
			out[p] = flat.Zone{Rows: true, Name: "UTC"}
		}
		return out
	}
	read := func(texts ...string) totals {
		all := newTotals()
		for _, text := range texts {
			var c change
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				t.Fatal(err)
			}
			all.add(&c)
		}
		return all
	}
	written := func(c *change) string {
		b, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	without := written(&change{Zones: zones(1, 2), Overflows: []store.ProjectID{}})
	with := written(&change{Zones: zones(2, 3), Overflows: []store.ProjectID{3}})
	untold := `{"zones":{"4":{"Rows":true,"Name":"UTC"}}}`
	for _, commits := range [][]string{{without, with, untold}, {untold, with, without}} {
		all := read(commits...)
		for range 2 {
			for p, want := range map[store.ProjectID]bool{1: false, 2: false, 3: true, 4: true} {
				if all.overflows[p] != want {
					t.Errorf("project %d: %v, not %v, after %v", p, all.overflows[p], want, commits)
				}
			}
			all = read(written(all.all()))
		}
	}
	nobody := read(without)
	if all := read(written(nobody.all())); all.overflows[1] || all.overflows[2] {
		t.Error("a commit that stands for others does not tell that nobody has an overflow")
	}
}
