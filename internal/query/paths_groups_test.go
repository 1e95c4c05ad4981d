package query_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
)

// agreeGroups checks the paths of each value of the breakdown, and that together they are all paths.
func (o *pathOracle) agreeGroups(t *rapid.T, a *query.PathsAnswer, paths [][]pathStep) {
	q := &a.Question
	if len(q.Breakdown) == 0 {
		if a.Groups != nil {
			t.Fatalf("groups without a breakdown: %s", asJSON(a.Groups))
		}
		return
	}
	by, where := q.Steps, q.Where
	for _, s := range []*query.Selector{q.From, q.To, q.Through} {
		if s != nil {
			by = s
		}
	}
	if f := q.Funnel; f != nil {
		by, where = &f.Question.Steps[f.Step-1].Selector, f.Question.Where
	}
	g := o.grouperOf(q.Breakdown, *by, where, a.Range)
	own, groups := map[string][][]pathStep{}, map[string]group{}
	for i, p := range paths {
		of := g.of(o.anchors[i])
		own[of.key()], groups[of.key()] = append(own[of.key()], p), of
	}
	var order []group
	for _, of := range groups {
		order = append(order, of)
	}
	slices.SortFunc(order, func(a, b group) int {
		return cmp.Or(len(own[b.key()])-len(own[a.key()]), slices.Compare(a.tags, b.tags))
	})
	var want []string
	show := func(labels []any, list [][]pathStep) {
		layers, links := o.show(paths, list)
		want = append(want, fmt.Sprintf("%s %d %q %q", asJSON(labels), len(list), layers, links))
	}
	var rest [][]pathStep
	for i, of := range order {
		if i < q.BreakdownLimit {
			show(of.labels, own[of.key()])
		} else {
			rest = append(rest, own[of.key()]...)
		}
	}
	if rest != nil {
		others := make([]any, len(q.Breakdown))
		for i := range others {
			others[i] = "$other"
		}
		show(others, rest)
	}
	var got []string
	total, links := int64(0), map[string]int64{}
	for _, g := range a.Groups {
		layers, between := shownPaths(g.Layers, g.Links)
		got = append(got, fmt.Sprintf("%s %d %q %q", asJSON(g.Breakdown), g.Paths, layers, between))
		total += g.Paths
		addUp(links, g.Layers, g.Links, 1)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s\n%q\nwant\n%q", asJSON(q), got, want)
	}
	addUp(links, a.Layers, a.Links, -1)
	for what, left := range links {
		if left != 0 {
			t.Fatalf("%s\n%s of the groups together is off by %d", asJSON(q), what, left)
		}
	}
	if total != a.Paths {
		t.Fatalf("%s\nthe groups have %d paths together, want %d", asJSON(q), total, a.Paths)
	}
}

// addUp adds up nodes and links by their names.
func addUp(sums map[string]int64, layers []query.PathLayer, links []query.PathLink, sign int64) {
	first := layers[0].Step
	for _, l := range layers {
		for _, n := range l.Nodes {
			sums[fmt.Sprint(l.Step, " ", nodeName(n))] += sign * n.Count
		}
	}
	for _, l := range links {
		from, to := layers[l.Step-first].Nodes[l.From], layers[l.Step-first+1].Nodes[l.To]
		sums[fmt.Sprint(l.Step, " ", nodeName(from), " > ", nodeName(to))] += sign * l.Count
	}
}

// TestPathsOfEachValue: a path counts at the value of the event that it leads from or to, and every group shows the nodes that
// all paths together have.
func TestPathsOfEachValue(t *testing.T) {
	t.Parallel()
	s := openThreads(t, t.TempDir(), 1)
	defer s.Close()
	for i, names := range []string{"AB", "AB", "CB", "AD"} {
		for k, name := range names {
			ev := event.Event{Name: string(name), ID: fmt.Sprint(i, k)}
			at := tapeStart.Add(time.Duration(k) * time.Minute).UnixMicro()
			ev.Derived = event.Derived{Position: uint64(2*i + k), Time: at, ReceivedAt: at, Person: uint64(i + 1), Device: uint64(i + 1)}
			s.Add(1, time.UTC, "native", &ev)
		}
	}
	if err := s.Commit(context.Background(), eventlog.Position(8)); err != nil {
		t.Fatal(err)
	}
	e := engine(t, query.Options{Store: s, Now: func() time.Time { return tapeStart.Add(24 * time.Hour) }})
	name := []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$event"}}}
	for _, c := range []struct {
		name string
		q    query.Paths
		want []string
	}{
		{"from", query.Paths{From: &query.Selector{Events: []string{"A", "C"}}}, []string{
			`["A"] 3: value "A" 3; | value "B" 2; other $other 1; / 0 value "A" > other $other 1, 0 value "A" > value "B" 2`,
			`["C"] 1: other $other 1; | value "B" 1; / 0 other $other > value "B" 1`,
		}},
		{"to", query.Paths{To: &query.Selector{Events: []string{"B", "D"}}}, []string{
			`["B"] 3: value "A" 2; other $other 1; | value "B" 3; / -1 other $other > value "B" 1, -1 value "A" > value "B" 2`,
			`["D"] 1: value "A" 1; | other $other 1; / -1 value "A" > other $other 1`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := c.q
			q.Range, q.Timezone, q.Depth, q.Nodes, q.Breakdown = query.Range{From: "-2d"}, "UTC", 1, 1, name
			r, err := e.ResolvePaths(everyday, &q)
			if err != nil {
				t.Fatal(err)
			}
			a, err := e.Paths(context.Background(), everyday, r)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range a.Groups {
				layers, links := shownPaths(g.Layers, g.Links)
				for i := range layers {
					layers[i] = strings.TrimSpace(layers[i])
				}
				got = append(got, fmt.Sprintf("%s %d: %s / %s", asJSON(g.Breakdown), g.Paths, strings.Join(layers, " | "), strings.Join(links, ", ")))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
