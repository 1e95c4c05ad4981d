package demo

import "math"

// random is splitmix64: small, fast, and the same on every machine and Go version.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return scramble(r.state)
}

func scramble(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// mix makes one number of two.
func mix(a, b uint64) uint64 { return scramble(scramble(a+0x9e3779b97f4a7c15) ^ b) }

// float is in [0, 1).
func (r *random) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// exp is exponential with mean 1.
func (r *random) exp() float64 { return -math.Log(1 - r.float()) }

// below is in [0, n).
func (r *random) below(n int) int { return int(r.next() >> 33 % uint64(n)) }

// table draws an index by weight in constant time (16 bits of precision).
type table []uint8

func newTable(weights []float64) table {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	t := make(table, 1<<12)
	acc, i := weights[0], 0
	for j := range t {
		for float64(j) >= acc/sum*float64(len(t)) && i+1 < len(weights) {
			i++
			acc += weights[i]
		}
		t[j] = uint8(i)
	}
	return t
}

func (t table) pick(bits uint64) int { return int(t[bits&uint64(len(t)-1)]) }
