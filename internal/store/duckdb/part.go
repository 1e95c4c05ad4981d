package duckdb

import (
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store/flat"
)

// part holds the rows of one project and generation as columns, in the order of the log. It is filled by commits and
// written to disk, sorted, by a flush. DuckDB gets copies of the few columns that questions ask for (hot.go).
type part struct {
	table *table
	n     int
	// bytes are those of the rows in Arrow's layout; packed they are far fewer.
	bytes   int
	builtin []packed
	props   []packed
	zone    flat.Zone
}

func newPart(t *table) *part {
	p := &part{table: t, builtin: make([]packed, columnCount)}
	for i, c := range builtins() {
		p.builtin[i] = packed{name: c.Name, typ: c.Type}
	}
	return p
}

// add appends the rows of a batch. The caller holds Store.mu.
func (p *part) add(r *rows) {
	for len(p.props) < len(r.props) {
		c := &r.props[len(p.props)]
		p.props = append(p.props, packed{name: c.name, typ: c.typ})
	}
	for i := range r.builtin {
		p.bytes += p.builtin[i].extend(p.n, &r.builtin[i])
	}
	for i := range r.props {
		p.bytes += p.props[i].extend(p.n, &r.props[i])
	}
	p.n += r.n
	p.zone = p.zone.With(r.events.Zone())
	p.table.overflows = p.table.overflows || r.builtin[flat.Overflow].rows > 0
}

// filled returns the columns that have a value. They are views: what is appended to the part later does not change them.
func (p *part) filled() []packed {
	var out []packed
	for _, set := range [][]packed{p.builtin, p.props} {
		for i := range set {
			if set[i].rows > 0 {
				out = append(out, set[i])
			}
		}
	}
	return out
}

// named are those of filled that have one of the names.
func (p *part) named(names []string) []packed {
	return slices.DeleteFunc(p.filled(), func(c packed) bool { return !slices.Contains(names, c.name) })
}

// gathered are the columns of some of the rows.
func gathered(columns []packed, keys []key) []column {
	out := make([]column, len(columns))
	var places []int32
	for i := range columns {
		columns[i].gather(&out[i], keys, &places)
	}
	return out
}

// reset forgets the rows and keeps the memory.
func (p *part) reset() {
	p.n, p.bytes, p.zone = 0, 0, flat.Zone{}
	for _, set := range [][]packed{p.builtin, p.props} {
		for i := range set {
			set[i].reset()
		}
	}
}

// spares keeps the memory of parts that are on disk for those to come, as long as there is a use for it.
type spares struct {
	mu   sync.Mutex
	list []*part
	// used is when a part was last taken.
	used time.Time
}

const (
	// mostSpares bounds the parts kept without rows: while one is filled, one is flushed.
	mostSpares = 1
	// spareFor is how long a part is kept that nobody takes.
	spareFor = 10 * time.Second
)

func (s *spares) take(t *table, now time.Time) *part {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = now
	if len(s.list) == 0 {
		return newPart(t)
	}
	p := s.list[0]
	s.list = s.list[1:]
	if p.table != t {
		p.table, p.props = t, nil
	}
	return p
}

// give keeps a part unless it has grown far beyond what a flush usually has.
func (s *spares) give(p *part, usual int) {
	if p.n > 2*usual || p.bytes > flushBytes {
		return
	}
	p.reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < mostSpares {
		s.list = append(s.list, p)
	}
}

// free gives the memory back after a while without use, and tells whether there was any.
func (s *spares) free(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 || now.Sub(s.used) < spareFor {
		return false
	}
	s.list = nil
	return true
}

// key is what rows on disk are ordered by: day, person, time and position.
type key struct {
	day    int64
	person uint64
	time   int64
	row    int32
}

// order returns the part's rows in the order of the disk, and how many there are of each day. links are the persons
// that others have become.
func (p *part) order(n int, links map[uint64]uint64) (keys []key, days map[int64]int) {
	day, person, at := p.builtin[flat.Day].words, p.builtin[flat.Person].words, p.builtin[flat.Time].words
	keys, days = make([]key, n), map[int64]int{}
	for i := range keys {
		k := key{int64(word(day, i)), word(person, i), int64(word(at, i)), int32(i)}
		if to, ok := links[k.person]; ok {
			k.person = to
		}
		keys[i] = k
		days[k.day]++
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.day != b.day:
			return order(a.day < b.day)
		case a.person != b.person:
			return order(a.person < b.person)
		case a.time != b.time:
			return order(a.time < b.time)
		default:
			return int(a.row) - int(b.row)
		}
	})
	return keys, days
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// before is the number of rows whose positions lie before one; rows are in the order of the log.
func (p *part) before(at eventlog.Position) int {
	seq := p.builtin[flat.Seq].words
	return sort.Search(p.n, func(i int) bool { return word(seq, i) >= uint64(at) })
}

// at returns the rows that have one of the positions.
func (p *part) at(positions []eventlog.Position) (keys []key) {
	seq, person := p.builtin[flat.Seq].words, p.builtin[flat.Person].words
	for _, at := range positions {
		if i := p.before(at); i < p.n && word(seq, i) == uint64(at) {
			keys = append(keys, key{person: word(person, i), row: int32(i)})
		}
	}
	return keys
}

// first returns the first n rows, in the order of the log.
func (p *part) first(n int) []key {
	person := p.builtin[flat.Person].words
	keys := make([]key, n)
	for i := range keys {
		keys[i] = key{person: word(person, i), row: int32(i)}
	}
	return keys
}
