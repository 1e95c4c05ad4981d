package clickhouse

import (
	"reflect"
	"testing"
	"time"
)

// TestChain holds which epochs count: those that the latest one goes on from.
func TestChain(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMicro() }
	numbers := func(all ...epoch) (out []uint64) {
		for _, e := range chain(all, now) {
			out = append(out, e.number)
		}
		return out
	}
	for _, c := range []struct {
		name string
		all  []epoch
		want []uint64
	}{
		{"none", nil, nil},
		{"of a version that did not note what they go on from", []epoch{{number: 3}, {number: 2}, {number: 1}}, []uint64{1, 2, 3}},
		{"one that came in between", []epoch{{number: 7, before: 5}, {number: 6, before: 5}, {number: 5}, {number: 4}}, []uint64{4, 5, 7}},
		{"one that was moved", []epoch{{number: 7, before: 5}, {number: 6, before: 5}, {number: 5, before: 2}, {number: 3, before: 2}, {number: 2}}, []uint64{2, 5, 7}},
		{"one that goes on from what is not known", []epoch{{number: 7, before: 1}}, []uint64{7}},
	} {
		if got := numbers(c.all...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	var recent, old []epoch
	for n := uint64(200); n > 0; n-- {
		recent, old = append(recent, epoch{number: n, at: ago(time.Minute)}), append(old, epoch{number: n, at: ago(2 * time.Hour)})
	}
	if n := len(numbers(recent...)); n != mostEpochs {
		t.Errorf("%d epochs of the last hour count", n)
	}
	if n := len(numbers(old...)); n != fewestEpochs {
		t.Errorf("%d epochs of long ago count", n)
	}
}
