package bench

import (
	"bytes"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/demo"
)

// loadBytes is how much is generated before a run, for all connections together.
const loadBytes = 48 << 20

// loads are the requests of one connection, used round and round: what must differ from one use to the next, the ids and
// times of the events, is patched in place.
type loads struct {
	requests []load
	at       int
	seed     uint64
	count    uint64
	time     []byte
}

type load struct {
	bytes []byte
	// ids and times are the offsets of the texts to patch.
	ids, times []int
}

const timeForm = "2006-01-02T15:04:05.000Z"

// newLoads makes the requests of every connection.
func newLoads(o Options, host, authorization string) []*loads {
	g := demo.New(demo.Options{Seed: o.Seed, Events: 1 << 40, People: 360_000})
	each := max(2, loadBytes/o.Conns/(o.Batch*850))
	all := make([]*loads, o.Conns)
	run := uint64(time.Now().UnixNano())
	for i := range all {
		all[i] = &loads{seed: run + uint64(i)<<40}
		for range min(each, 2000) {
			all[i].requests = append(all[i].requests, newLoad(g, o.Batch, host, authorization))
		}
	}
	return all
}

func newLoad(g *demo.Generator, batch int, host, authorization string) load {
	body, path := g.Next(nil, batch), "/v1/batch"
	for batch == 1 {
		if single := bytes.TrimSuffix(bytes.TrimPrefix(body, []byte(`{"batch":[`)), []byte(`]}`)); bytes.HasPrefix(single, []byte(`{"type":"track"`)) {
			body, path = single, "/v1/track"
			break
		}
		body = g.Next(body[:0], 1)
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: freshet-bench\r\nAuthorization: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, host, authorization, len(body))
	l := load{bytes: append([]byte(head), body...)}
	l.ids = offsets(l.bytes, []byte(`"messageId":"`))
	l.times = offsets(l.bytes, []byte(`"timestamp":"`))
	return l
}

func offsets(b, key []byte) (out []int) {
	for at := 0; ; {
		i := bytes.Index(b[at:], key)
		if i < 0 {
			return out
		}
		at += i + len(key)
		out = append(out, at)
	}
}

// next returns the next request, with ids never used before and the events happening now.
func (l *loads) next(now time.Time) []byte {
	r := &l.requests[l.at]
	if l.at++; l.at == len(l.requests) {
		l.at = 0
	}
	for _, at := range r.ids {
		l.count++
		demo.AppendUUID(r.bytes[at:at:at+36], scramble(l.seed+l.count), scramble(^l.seed+l.count<<1))
	}
	l.time = now.UTC().AppendFormat(l.time[:0], timeForm)
	for _, at := range r.times {
		copy(r.bytes[at:], l.time)
	}
	return r.bytes
}

// scramble is splitmix64's.
func scramble(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
