package process_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// row is what is compared of a stored event.
type row struct {
	position uint64
	project  store.ProjectID
	id       string
	time     int64
	person   uint64
	span     uint64
	device   uint64
	browser  string
	flags    event.Flags
}

type hour struct {
	project store.ProjectID
	hour    int64
}

// sdkHour says which SDK sent a duplicate, and when.
type sdkHour struct {
	hour
	store.SDK
}

// contents is what a store has.
type contents struct {
	position eventlog.Position
	rows     []row
	dead     []store.DeadLetter
	links    []store.Link
	hands    []store.Handover
	holders  []store.Holder
	unlinks  []store.Unlink
	counts   map[hour]store.Counts
	// sdks has an entry a duplicate.
	sdks    []sdkHour
	commits []time.Time
}

// diff names the first difference of each kind.
func (c contents) diff(d contents) (out []string) {
	first := func(what string, n, m int, a, b func(int) any) {
		for i := range max(n, m) {
			if i >= n || i >= m || !reflect.DeepEqual(a(i), b(i)) {
				out = append(out, fmt.Sprintf("%s: %d and %d, first at %d", what, n, m, i))
				if i < n {
					out = append(out, fmt.Sprintf("%+v", a(i)))
				}
				if i < m {
					out = append(out, fmt.Sprintf("%+v", b(i)))
				}
				return
			}
		}
	}
	first("rows", len(c.rows), len(d.rows), func(i int) any { return c.rows[i] }, func(i int) any { return d.rows[i] })
	first("dead", len(c.dead), len(d.dead), func(i int) any { return c.dead[i] }, func(i int) any { return d.dead[i] })
	first("unlinks", len(c.unlinks), len(d.unlinks), func(i int) any { return c.unlinks[i] }, func(i int) any { return d.unlinks[i] })
	first("links", len(c.links), len(d.links), func(i int) any { return c.links[i] }, func(i int) any { return d.links[i] })
	return append(out, fmt.Sprintf("ledgers %v and %v", c.counts, d.counts))
}

func (c contents) clone() contents {
	c.rows, c.dead, c.links = slices.Clone(c.rows), slices.Clone(c.dead), slices.Clone(c.links)
	c.unlinks, c.hands, c.holders = slices.Clone(c.unlinks), slices.Clone(c.hands), slices.Clone(c.holders)
	c.counts, c.commits, c.sdks = maps.Clone(c.counts), slices.Clone(c.commits), slices.Clone(c.sdks)
	return c
}

// memoryStore is a store of which durable survives.
type memoryStore struct {
	mu sync.Mutex
	contents
	durable contents
	open    contents
	// failCommit is returned by the next commit.
	failCommit error
	// failAt panics when an event with this id is added.
	failAt string
	// ahead is what is shown ahead, putting what will be; withdrawn and withdrawing are positions of what is hidden. looked is called after each
	// change of what is visible.
	ahead, putting         []row
	withdrawn, withdrawing []eventlog.Position
	looked                 func()
	committed              chan struct{}
}

func newStore() *memoryStore {
	return &memoryStore{
		contents: contents{counts: map[hour]store.Counts{}}, durable: contents{counts: map[hour]store.Counts{}},
		open: contents{counts: map[hour]store.Counts{}}, committed: make(chan struct{}, 1),
	}
}

func (s *memoryStore) flush() { s.durable = s.clone() }

// crash loses what is not durable.
func (s *memoryStore) crash() {
	s.contents = s.durable.clone()
	s.open, s.failCommit = contents{counts: map[hour]store.Counts{}}, nil
}

func (s *memoryStore) Position() eventlog.Position                 { return s.durable.position }
func (s *memoryStore) Links(context.Context) ([]store.Link, error) { return s.durable.links, nil }

func (s *memoryStore) Holders(context.Context) ([]store.Holder, error) {
	return store.LatestHolders(s.durable.holders), nil
}

func (s *memoryStore) Poisoned(_ context.Context, from eventlog.Position) (out []eventlog.Position, err error) {
	for _, d := range s.durable.dead {
		if d.Code == store.CodePoison && d.Position >= from {
			out = append(out, d.Position)
		}
	}
	return out, nil
}

func (s *memoryStore) Add(p store.ProjectID, _ *time.Location, _ string, e *event.Event) {
	if s.failAt != "" && e.ID == s.failAt {
		panic("the store chokes on it")
	}
	d := &e.Derived
	s.open.rows = append(s.open.rows, row{d.Position, p, string([]byte(e.ID)), d.Time, d.Person, d.Span, d.Device, d.Browser, d.Flags})
}

func (s *memoryStore) AddDead(d store.DeadLetter) {
	d.Body = slices.Clone(d.Body)
	s.open.dead = append(s.open.dead, d)
}
func (s *memoryStore) AddLink(l store.Link) { s.open.links = append(s.open.links, l) }

func (s *memoryStore) Hand(h store.Handover) { s.open.hands = append(s.open.hands, h) }

func (s *memoryStore) Hold(h store.Holder) { s.open.holders = append(s.open.holders, h) }

func (s *memoryStore) Unlink(u store.Unlink) { s.open.unlinks = append(s.open.unlinks, u) }

func (s *memoryStore) Count(p store.ProjectID, h int64, c store.Counts) {
	s.open.counts[hour{p, h}] = s.open.counts[hour{p, h}].Plus(c)
}

func (s *memoryStore) CountDuplicate(p store.ProjectID, h int64, sdk store.SDK) {
	s.open.sdks = append(s.open.sdks, sdkHour{hour{p, h}, store.SDK{Name: strings.Clone(sdk.Name), Version: strings.Clone(sdk.Version)}})
}

func (s *memoryStore) Commit(_ context.Context, after eventlog.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failCommit != nil {
		return s.failCommit
	}
	for _, u := range s.open.unlinks {
		if len(s.open.rows)+len(s.open.dead)+len(s.open.links)+len(s.open.counts)+len(s.open.unlinks) > 1 || after != u.Position+1 {
			panic("an unlink is not alone in its batch")
		}
		s.open.links, s.open.holders = u.Links(s.links), u.Holders
	}
	durable := len(s.open.unlinks) > 0
	s.unlinks = append(s.unlinks, s.open.unlinks...)
	s.position = after
	s.rows = append(s.rows, s.open.rows...)
	s.dead = append(s.dead, s.open.dead...)
	s.links = append(s.links, s.open.links...)
	s.hands = append(s.hands, s.open.hands...)
	s.holders = append(s.holders, s.open.holders...)
	s.sdks = append(s.sdks, s.open.sdks...)
	for k, c := range s.open.counts {
		s.counts[k] = s.counts[k].Plus(c)
	}
	s.commits = append(s.commits, time.Now())
	s.withdrawn, s.withdrawing = append(s.withdrawn, s.withdrawing...), nil
	s.open = contents{counts: map[hour]store.Counts{}}
	if durable {
		s.flush()
	}
	select {
	case s.committed <- struct{}{}:
	default:
	}
	if s.looked != nil {
		s.looked()
	}
	return nil
}

func (s *memoryStore) Preview(p store.ProjectID, _ *time.Location, _ string, e *event.Event) {
	d := &e.Derived
	s.putting = append(s.putting, row{d.Position, p, string([]byte(e.ID)), d.Time, d.Person, d.Span, d.Device, d.Browser, d.Flags})
}

// mostAhead is how many rows are shown ahead at most.
const mostAhead = 40

func (s *memoryStore) ShowPreview(to eventlog.Position) eventlog.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead, s.putting = append(s.ahead, s.putting...), nil
	if n := len(s.ahead); n > mostAhead {
		s.ahead = s.ahead[n-mostAhead:]
	}
	if s.looked != nil {
		s.looked()
	}
	if len(s.ahead) == 0 {
		return to
	}
	return eventlog.Position(s.ahead[0].position)
}

func (s *memoryStore) Withdraw(at eventlog.Position) { s.withdrawing = append(s.withdrawing, at) }

func (s *memoryStore) EndPreview() { s.ahead, s.putting, s.withdrawn = nil, nil, nil }

// visible are the rows that are committed and those that are shown ahead.
func (s *memoryStore) visible() []row {
	out := slices.Clone(s.rows)
	for _, r := range s.ahead {
		if r.position >= uint64(s.position) && !slices.Contains(s.withdrawn, eventlog.Position(r.position)) {
			out = append(out, r)
		}
	}
	return out
}
