package query

import "time"

// buckets are the intervals of one range: bucket i is [edges[i], edges[i+1]). The edges lie within the range, starts
// are where the intervals begin on the calendar.
type buckets struct {
	edges  []time.Time
	starts []time.Time
}

func (b *buckets) from() time.Time { return b.edges[0] }
func (b *buckets) to() time.Time   { return b.edges[len(b.edges)-1] }
func (b *buckets) len() int        { return len(b.starts) }
