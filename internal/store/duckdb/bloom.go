package duckdb

import "sync/atomic"

// bloom remembers which persons have rows, with false positives (about 1 % at seven million persons) and never a
// false negative. It is a blocked Bloom filter: six bits within one cache line of 512 bits.
type bloom struct {
	words []atomic.Uint64
	last  uint64
}

const bloomWords = 1 << 20 // 8 MiB

func newBloom() *bloom { return &bloom{words: make([]atomic.Uint64, bloomWords)} }

// add is called by one goroutine at a time.
func (b *bloom) add(person uint64) {
	if person == b.last {
		return
	}
	b.last = person
	block, h := bloomPlace(person)
	for range 6 {
		w := &b.words[block+int(h>>6&7)]
		if bit := uint64(1) << (h & 63); w.Load()&bit == 0 {
			w.Or(bit)
		}
		h >>= 9
	}
}

func (b *bloom) has(person uint64) bool {
	block, h := bloomPlace(person)
	for range 6 {
		if b.words[block+int(h>>6&7)].Load()&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 9
	}
	return true
}

func bloomPlace(person uint64) (block int, h uint64) {
	h = person * 0x9e3779b97f4a7c15
	h ^= h >> 32
	return int(h%(bloomWords/8)) * 8, h * 0xbf58476d1ce4e5b9
}
