package disk

import (
	"slices"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
)

// TestTake says what the next group commit is made of: what has waited for longest, what is small, and what fits.
func TestTake(t *testing.T) {
	const large = maxGroupBytes / 4
	for name, c := range map[string]struct {
		queue, group []int
	}{
		"nothing":              {nil, nil},
		"all that fits":        {[]int{1, large, 2}, []int{1, large, 2}},
		"small ones first":     {[]int{large, large, large, large, large, 1, 2}, []int{large, large, large, 1, 2}},
		"the oldest first":     {[]int{maxGroupBytes, 1, 2}, []int{maxGroupBytes}},
		"one beyond the bound": {[]int{2 * maxGroupBytes, large}, []int{2 * maxGroupBytes}},
		"no gaps among large":  {[]int{large, maxGroupBytes, large, 1}, []int{large, 1}},
	} {
		l := &Log{}
		for _, n := range c.queue {
			l.queue = append(l.queue, &pending{record: eventlog.Record{Payload: make([]byte, n)}})
		}
		var got []int
		group, _ := l.take()
		for _, p := range group {
			got = append(got, len(p.record.Payload))
		}
		if !slices.Equal(got, c.group) || len(group)+len(l.queue) != len(c.queue) {
			t.Errorf("%s: %v of %v, want %v", name, got, c.queue, c.group)
		}
	}
}
