package path

import (
	"cmp"
	"slices"
)

// Steps counts the values of every step. Several of them can be made at once and merged.
type Steps struct {
	// Paths is how many paths there are.
	Paths int64
	// Counts has for each step how many paths have each value there.
	Counts [][]int64
}

// NewSteps makes an empty count, for values below a number.
func NewSteps(c *Config, values int) *Steps {
	s := &Steps{Counts: make([][]int64, c.Steps())}
	for i := range s.Counts {
		s.Counts[i] = make([]int64, values)
	}
	return s
}

// Add counts the paths of one actor.
func (s *Steps) Add(paths []int32) {
	n := len(s.Counts)
	for ; len(paths) > 0; paths = paths[n:] {
		s.Paths++
		for i, value := range paths[:n] {
			if value != End {
				s.Counts[i][value]++
			}
		}
	}
}

// Merge adds another count of the same question.
func (s *Steps) Merge(o *Steps) {
	s.Paths += o.Paths
	for i := range s.Counts {
		for v, n := range o.Counts[i] {
			s.Counts[i][v] += n
		}
	}
}

// Layer has the values that one step shows: the most frequent ones.
type Layer struct {
	Values []int32
	// Places leads every value to its place in Values, or to the one after them, that of all others.
	Places []int32
}

// Layers chooses the values of every step, at most limit of them; equally frequent ones by order.
func (s *Steps) Layers(limit int, order func(a, b int32) int) []Layer {
	out := make([]Layer, len(s.Counts))
	for i, counts := range s.Counts {
		l := &out[i]
		for v, n := range counts {
			if n > 0 {
				l.Values = append(l.Values, int32(v))
			}
		}
		slices.SortFunc(l.Values, func(a, b int32) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), order(a, b)) })
		l.Values = l.Values[:min(limit, len(l.Values))]
		l.Places = make([]int32, len(counts))
		for v := range l.Places {
			l.Places[v] = int32(len(l.Values))
		}
		for place, v := range l.Values {
			l.Places[v] = int32(place)
		}
	}
	return out
}

// Nodes is how many nodes a layer has: its values, all others, and what has ended.
func (l *Layer) Nodes() int { return len(l.Values) + 2 }

// Others is the place of all other values among the nodes.
func (l *Layer) Others() int { return len(l.Values) }

// Ended is the place of what has ended.
func (l *Layer) Ended() int { return len(l.Values) + 1 }

// Node is the place of a step among the nodes.
func (l *Layer) Node(value int32) int {
	if value == End {
		return l.Ended()
	}
	return int(l.Places[value])
}

// Tally counts nodes, and the links between those of neighbouring layers. Several of them can be made at once and
// merged.
type Tally struct {
	layers []Layer
	// Nodes has for each layer the paths of each node.
	Nodes [][]int64
	// Links has for each layer but the last the paths from each of its nodes to each of the next layer's.
	Links [][][]int64
}

// NewTally makes an empty tally.
func NewTally(layers []Layer) *Tally {
	t := &Tally{layers: layers, Nodes: make([][]int64, len(layers)), Links: make([][][]int64, len(layers)-1)}
	for i := range layers {
		t.Nodes[i] = make([]int64, layers[i].Nodes())
	}
	for i := range t.Links {
		t.Links[i] = make([][]int64, layers[i].Nodes())
		for from := range t.Links[i] {
			t.Links[i][from] = make([]int64, layers[i+1].Nodes())
		}
	}
	return t
}

// Add counts the paths of one actor.
func (t *Tally) Add(paths []int32) {
	n := len(t.layers)
	for ; len(paths) > 0; paths = paths[n:] {
		from := 0
		for i, value := range paths[:n] {
			to := t.layers[i].Node(value)
			t.Nodes[i][to]++
			if i > 0 {
				t.Links[i-1][from][to]++
			}
			from = to
		}
	}
}

// Merge adds another tally of the same layers.
func (t *Tally) Merge(o *Tally) {
	add := func(a, b []int64) {
		for i, n := range b {
			a[i] += n
		}
	}
	for i := range t.Nodes {
		add(t.Nodes[i], o.Nodes[i])
	}
	for i := range t.Links {
		for from := range t.Links[i] {
			add(t.Links[i][from], o.Links[i][from])
		}
	}
}
