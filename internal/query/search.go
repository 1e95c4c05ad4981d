package query

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// PersonFilter picks people.
type PersonFilter struct {
	// Query is what an id or a trait's text begins with, in any case; empty picks everybody.
	Query string `json:"query,omitempty"`
	// Trait, if set, is the one trait whose text counts; ids do not then.
	Trait string `json:"trait,omitempty"`
}

// PersonPage is a page of people, the one seen last first.
type PersonPage struct {
	People []Person `json:"people"`
	// Next is the cursor of the next page; empty after the last.
	Next      string          `json:"next,omitempty"`
	Watermark store.Watermark `json:"watermark"`
}

// hash tells lists apart.
func (f PersonFilter) hash(project store.ProjectID) uint64 {
	return xxh3.HashStringSeed("people "+f.Trait+"\x00"+f.Query, uint64(project))
}

// Search returns the people that pass the filter, the one with the latest event first, from the cursor on. limit is 1 to
// 1000; 0 means 50. Who has an event while the list is paged through moves to its beginning. Events without a usable id are
// nobody's and not listed.
func (e *Engine) Search(ctx context.Context, s Scope, f PersonFilter, cursor string, limit int) (*PersonPage, error) {
	if limit == 0 {
		limit = defaultEvents
	}
	if err := checkLimit(limit, maxEvents); err != nil {
		return nil, err
	}
	if f.Trait != "" && f.Query == "" {
		return nil, invalid("trait", "misplaced_trait", "trait says where to look for q, and there is no q")
	}
	after, err := decodeCursor(cursor, f.hash(s.Project))
	if err != nil {
		return nil, err
	}
	out := &PersonPage{}
	err = e.ask(ctx, "people search", s, func(ctx context.Context, cut *peopledCut) error {
		out.Watermark = cut.Watermark()
		g := &ground{e, cut, s}
		found, err := g.matching(ctx, f, after, limit+1)
		if err != nil {
			return err
		}
		if len(found) > limit {
			found = found[:limit]
			out.Next = found[limit-1].encode(f.hash(s.Project))
		}
		numbers := make([]uint64, len(found))
		for i, p := range found {
			numbers[i] = p.seq
		}
		out.People, err = g.persons(ctx, numbers)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// matching finds people, each as the time of the last event and the number.
func (g *ground) matching(ctx context.Context, f PersonFilter, after *place, limit int) ([]place, error) {
	if f.Query == "" {
		return g.lately(ctx, after, limit)
	}
	people, err := g.byText(ctx, f)
	if err != nil || len(people) == 0 {
		return nil, err
	}
	return g.lastSeen(ctx, g.eventsOf(people, "person", "time"), after, limit)
}

// lately are the people seen last. It goes back in time by windows that grow, as newest does: who has an event in one was
// last seen in it, or in a later one that was looked through before.
func (g *ground) lately(ctx context.Context, after *place, limit int) ([]place, error) {
	start := g.cut.Watermark().Newest().UnixMicro()
	if after != nil {
		start = min(start, after.time)
	}
	for width := firstWindow; ; width *= 4 {
		events := g.cut.Events("person", "time")
		if width <= lastWindow {
			events += " WHERE time >= " + g.cut.Dialect().Moment(start-width)
		}
		found, err := g.lastSeen(ctx, events, after, limit)
		if err != nil || len(found) == limit || width > lastWindow {
			return found, err
		}
	}
}

// lastSeen orders the people of some events, behind after when it is not nil.
func (g *ground) lastSeen(ctx context.Context, events string, after *place, limit int) ([]place, error) {
	sql := "SELECT " + g.cut.Dialect().Micros("last") + ", person FROM (SELECT person, max(time) AS last FROM (SELECT * FROM " + events + ") WHERE person <> 0 GROUP BY person)"
	if after != nil {
		sql += fmt.Sprintf(" WHERE (last, person) < (%s, %s)", g.cut.Dialect().Moment(after.time),
			g.cut.Dialect().Cast(strconv.FormatUint(after.seq, 10), store.Number64))
	}
	return places(ctx, g.cut, sql+fmt.Sprintf(" ORDER BY last DESC, person DESC LIMIT %d", limit), nil)
}

// byText are the people an id or trait of whom begins with a text.
func (g *ground) byText(ctx context.Context, f PersonFilter) (people []uint64, err error) {
	text := strings.ToLower(f.Query)
	if f.Trait == "" {
		if people, err = g.byID(ctx, f.Query, text); err != nil {
			return nil, err
		}
	}
	traits, err := g.byTrait(ctx, f.Trait, text)
	if err != nil {
		return nil, err
	}
	return union(people, traits), nil
}

// byID are the people an id of whom begins with a text, or is all of it: that one may be on no event any more.
func (g *ground) byID(ctx context.Context, id, text string) ([]uint64, error) {
	c := newCompiler(g.cut)
	begins := make([]string, 0, 3)
	for _, column := range []string{"user_id", "anonymous_id", "device_id"} {
		begins = append(begins, c.dialect.StartsWith(c.dialect.Lower(c.column(column)), c.bind(text)))
	}
	c.column("person")
	people, err := g.numbersOf(ctx, "SELECT DISTINCT person FROM "+c.source("")+" WHERE "+anyOf(begins), c.args)
	if err != nil {
		return nil, err
	}
	numbers, err := numbersOfID(id)
	if event.KindOf(err) == event.Invalid {
		return people, nil
	}
	exact, err := g.roots(ctx, numbers)
	if err != nil {
		return nil, err
	}
	return union(people, distinct(exact)), nil
}

// byTrait are the people a trait of whom, the named one or any, has a text now that begins with another.
func (g *ground) byTrait(ctx context.Context, trait, text string) ([]uint64, error) {
	c := newCompiler(g.cut)
	quoted := event.AppendJSONString(nil, text)
	part := ":" + string(quoted[:len(quoted)-1])
	if trait != "" {
		part = strings.ToLower(string(event.AppendJSONString(nil, trait))) + part
	}
	sql := "SELECT DISTINCT " + c.column("person") + " FROM " + g.cut.Events("person", "kind", "traits") +
		" WHERE kind <> 'group' AND " + c.dialect.Contains(c.dialect.Lower("traits"), c.bind(part))
	maybe, err := g.numbersOf(ctx, sql, c.args)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for some := range slices.Chunk(maybe, personsAtATime) {
		place := make(map[uint64]*Person, len(some))
		for _, p := range some {
			place[p] = &Person{}
		}
		if err := g.traits(ctx, some, place); err != nil {
			return nil, err
		}
		for _, p := range some {
			if traitBegins(place[p].Traits, trait, text) {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// traitBegins tells whether a trait begins with a text, which is in lower case.
func traitBegins(traits json.RawMessage, trait, text string) bool {
	v, err := fastjson.ParseBytes(traits)
	if err != nil {
		return false
	}
	found := false
	v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		s, err := v.StringBytes()
		found = found || err == nil && (trait == "" || string(k) == trait) && strings.HasPrefix(strings.ToLower(string(s)), text)
	})
	return found
}
