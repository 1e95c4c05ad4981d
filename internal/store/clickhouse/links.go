package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// who is what events may be of: an id, or a span of one, which is attributed in either way.
type who struct {
	project store.ProjectID
	kind    kind
	number  uint64
}

type kind uint8

// The kinds. Those of spans are anID and one more than their Attribution.
const (
	anID kind = iota
	spanOfNext
	spanOfLast
)

func spanOf(a store.Attribution) kind { return anID + 1 + kind(a) }

// person is the number of a person or an id.
type person struct {
	project store.ProjectID
	number  uint64
}

// move says that events are of another person from now on, and were all along.
type move struct {
	who
	to       uint64
	position eventlog.Position
	// id is that of a span.
	id uint64
}

// targets are who every id is that was ever linked, and whose every span is. The tables relinks and spans have them as they
// came to be, so that a cut joins rows with one row of them, however long the chain of links is.
type targets struct {
	of map[who]uint64
	// from are those whose target a person is, spans the spans of an id.
	from  map[person][]who
	spans map[person][]uint64
	// linked are the projects that have links or spans, spanned those that have spans; latest is the position of the commit that changed
	// last who is who.
	linked, spanned map[store.ProjectID]bool
	latest          map[store.ProjectID]eventlog.Position
	// moved is how many links have been written since the store was opened.
	moved map[store.ProjectID]int
}

func newTargets() targets {
	return targets{
		map[who]uint64{},
		map[person][]who{},
		map[person][]uint64{},
		map[store.ProjectID]bool{},
		map[store.ProjectID]bool{},
		map[store.ProjectID]eventlog.Position{},
		map[store.ProjectID]int{},
	}
}

// opening is the first event of a span.
type opening struct {
	project  store.ProjectID
	id, span uint64
	// person is the user before.
	person   uint64
	position eventlog.Position
}

// ahead are targets as they will be after some moves.
type ahead struct {
	*targets
	nowOf   map[who]uint64
	nowFrom map[person][]who
	out     []move
}

// moves are who has another target by the identities of a batch, each a store.Link, a store.Handover or an opening, in the order
// in which they get it.
func (t *targets) moves(identities []any) []move {
	a := ahead{targets: t, nowOf: map[who]uint64{}, nowFrom: map[person][]who{}}
	for _, i := range identities {
		switch i := i.(type) {
		case store.Link:
			a.link(i)
		case store.Handover:
			a.set(move{who{i.Project, spanOfNext, i.Span}, i.To, i.Position, i.ID})
		case opening:
			for _, k := range []kind{spanOfNext, spanOfLast} {
				a.set(move{who{i.project, k, i.span}, i.person, i.position, i.id})
			}
		}
	}
	return a.out
}

// members are those whose target a person is; the list may be appended to.
func (a *ahead) members(p person) []who {
	list, changed := a.nowFrom[p]
	if !changed {
		list = a.from[p]
	}
	return list[:len(list):len(list)]
}

func (a *ahead) link(l store.Link) {
	from, to, id := person{l.Project, l.From}, person{l.Project, l.To}, who{l.Project, anID, l.From}
	all := a.members(from)
	if !slices.Contains(all, id) {
		all = append(all, id)
	}
	a.nowFrom[from] = nil
	a.nowFrom[to] = append(a.members(to), all...)
	for _, w := range all {
		a.nowOf[w] = l.To
		a.out = append(a.out, move{who: w, to: l.To, position: l.Position, id: 0})
	}
}

func (a *ahead) set(m move) {
	old, has := a.nowOf[m.who]
	if !has {
		old, has = a.of[m.who]
	}
	if has {
		was := person{m.project, old}
		a.nowFrom[was] = slices.DeleteFunc(slices.Clone(a.members(was)), func(w who) bool { return w == m.who })
	}
	to := person{m.project, m.to}
	a.nowFrom[to] = append(a.members(to), m.who)
	a.nowOf[m.who] = m.to
	a.out = append(a.out, m)
}

// unlinked are who has another target when an id is taken out of its person.
func (t *targets) unlinked(u *store.Unlink) (out []move) {
	give := func(w who, to uint64) { out = append(out, move{who: w, to: to, position: u.Position}) }
	own := who{u.Project, anID, u.Person}
	if u.Rest != u.From {
		for _, w := range append([]who{{u.Project, anID, u.From}}, t.from[person{u.Project, u.From}]...) {
			if w != own {
				give(w, u.Rest)
			}
		}
	}
	give(own, u.Person)
	for _, s := range t.spans[person{u.Project, u.Person}] {
		give(who{u.Project, spanOfNext, s}, u.Person)
		give(who{u.Project, spanOfLast, s}, u.Person)
	}
	return out
}

// changed are the links that the open batch brings, and who has another target by it.
func (s *Store) changed(ctx context.Context) (links []store.Link, moved []move, err error) {
	u := s.batch.unlink
	if u == nil {
		for _, i := range s.batch.identities {
			if l, ok := i.(store.Link); ok {
				links = append(links, l)
			}
		}
		return links, s.targets.moves(s.batch.identities), nil
	}
	before, err := s.Links(ctx)
	if err != nil {
		return nil, nil, err
	}
	return u.Links(before), s.targets.unlinked(u), nil
}

// with are the targets after some moves, of those who have one. Several may ask at a time.
func (t *targets) with(moves []move) func(who) (uint64, bool) {
	next := make(map[who]uint64, len(moves))
	for _, m := range moves {
		next[m.who] = m.to
	}
	return func(w who) (uint64, bool) {
		to, ok := next[w]
		if !ok {
			to, ok = t.of[w]
		}
		return to, ok
	}
}

// take makes moves.
func (t *targets) take(moves []move) {
	for _, m := range moves {
		t.linked[m.project] = true
		old, known := t.of[m.who]
		switch {
		case known:
			was := person{m.project, old}
			list := t.from[was]
			for i, w := range list {
				if w == m.who {
					list[i] = list[len(list)-1]
					t.from[was] = list[:len(list)-1]
					break
				}
			}
		case m.kind == spanOfNext:
			t.spanned[m.project] = true
			id := person{m.project, m.id}
			t.spans[id] = append(t.spans[id], m.number)
		}
		t.of[m.who] = m.to
		to := person{m.project, m.to}
		t.from[to] = append(t.from[to], m.who)
	}
}

// loadTargets reads whom everybody is.
func (s *Store) loadTargets(ctx context.Context) error {
	valid := s.valid("written", true)
	for _, sql := range []string{
		"SELECT project, toUInt64(0), person, argMax(target, (written, ord)), toUInt64(0) FROM relinks WHERE " + valid + " GROUP BY project, person",
		"SELECT project, toUInt64(kind), span, argMax(target, (written, ord)), argMin(id, (written, ord)) FROM spans WHERE " + valid + " GROUP BY project, kind, span",
	} {
		var moves []move
		err := s.rows(ctx, sql, func(v []any) {
			moves = append(moves, move{
				who: who{store.ProjectID(v[0].(uint64)), kind(v[1].(uint64)), v[2].(uint64)}, to: v[3].(uint64), id: v[4].(uint64),
			})
		})
		if err != nil {
			return fmt.Errorf("read links: %w", err)
		}
		s.targets.take(moves)
	}
	return s.loadLinked(ctx)
}

// Links implements store.Writer.
func (s *Store) Links(ctx context.Context) (out []store.Link, err error) {
	sql := fmt.Sprintf("SELECT project, person, target, position FROM links WHERE written <= %d AND %s ORDER BY position, written, ord", s.Position(), s.valid("written", true))
	err = s.rows(ctx, sql, func(v []any) { out = append(out, linkOf(v)) })
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	return out, nil
}

func linkOf(v []any) store.Link {
	return store.Link{Project: store.ProjectID(v[0].(uint64)), From: v[1].(uint64), To: v[2].(uint64), Position: eventlog.Position(v[3].(uint64))}
}
