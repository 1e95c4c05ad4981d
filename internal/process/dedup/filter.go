package dedup

import "math/bits"

// filter is a blocked Bloom filter: an id sets filterProbes bits in one block of 512, so that asking costs one cache
// line. The number of blocks is a power of two, which lets fold halve a filter without its ids.
type filter []uint64

const (
	blockWords   = 8
	filterProbes = 7
	// filterBits is how many bits an id gets at least when a filter is made.
	filterBits = 12
)

// newFilter makes a filter for n ids.
func newFilter(n int) filter {
	blocks := (n*filterBits + 511) / 512
	if blocks < 1 {
		blocks = 1
	}
	return make(filter, blockWords<<bits.Len(uint(blocks-1)))
}

func (f filter) block(hi uint64) *[blockWords]uint64 {
	mask := uint64(len(f)/blockWords - 1)
	return (*[blockWords]uint64)(f[(hi&mask)*blockWords:])
}

func (f filter) add(hi, lo uint64) {
	b := f.block(hi)
	for range filterProbes {
		b[lo>>6&7] |= 1 << (lo & 63)
		lo >>= 9
	}
}

// has is false when the id was surely never added.
func (f filter) has(hi, lo uint64) bool {
	b := f.block(hi)
	for range filterProbes {
		if b[lo>>6&7]&(1<<(lo&63)) == 0 {
			return false
		}
		lo >>= 9
	}
	return true
}

// fold returns a filter of half the size that has every id of f; it answers "maybe" more often.
func (f filter) fold() filter {
	half := len(f) / 2
	g := make(filter, half)
	for i := range g {
		g[i] = f[i] | f[half+i]
	}
	return g
}
