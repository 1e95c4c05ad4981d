package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Profile is what is known of one person.
type Profile struct {
	Person
	// Sessions are those that the person's own events make.
	Sessions int `json:"sessions"`
	// Names count the events by name, the most frequent first, at most 100; NamesTotal is how many names there are.
	Names      []NameCount `json:"names"`
	NamesTotal int         `json:"names_total"`
	// Identities are the ids that lead to the person, the one sent last first, at most 1000 of IdentitiesTotal.
	Identities      []Identity      `json:"identities"`
	IdentitiesTotal int             `json:"identities_total"`
	Watermark       store.Watermark `json:"watermark"`
}

// NameCount is how often a person did something.
type NameCount struct {
	Event    string    `json:"event"`
	Events   int64     `json:"events"`
	LastSeen time.Time `json:"last_seen"`
}

// Identity is an id that leads to a person.
type Identity struct {
	// Kind is "user", "anonymous" or "device".
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Number is the one that the id has by itself, in decimal digits.
	Number string `json:"number"`
	// FirstSeen and LastSeen are the times of the first and the last of the Events that carry the id.
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Events    int64     `json:"events"`
	// LinkedAt is when the server received the event that first made the id one person with another; nil for an id that has no
	// link, or whose event was removed.
	LinkedAt *time.Time `json:"linked_at,omitempty"`
}

const (
	maxNames      = 100
	maxIdentities = 1000
)

// The kinds of ids, and what stands before one to say which it is.
const (
	kindUser      = "user"
	kindAnonymous = "anonymous"
	kindDevice    = "device"
	kindPerson    = "person"
)

// Profile returns what is known of the person whom an id leads to: the number of a person, or of one that became another
// since, a user id, an anonymous id or a device id. Where a text is several of these the first in this order that has
// events is meant; person:, user:, anonymous: or device: before it says which. The error for nobody is NotFound.
func (e *Engine) Profile(ctx context.Context, s Scope, id string) (*Profile, error) {
	out := &Profile{}
	err := e.ask(ctx, "profile", s, func(ctx context.Context, cut *peopledCut) error {
		out.Watermark = cut.Watermark()
		g := &ground{e, cut, s}
		person, err := g.find(ctx, id)
		if err != nil {
			return err
		}
		found, err := g.persons(ctx, []uint64{person})
		if err != nil {
			return err
		}
		out.Person = found[0]
		own := g.own(person)
		marks, err := own.marks(ctx, EventFilter{})
		if err != nil {
			return err
		}
		out.Sessions = len(own.visits(marks).list)
		if err := own.names(ctx, out); err != nil {
			return err
		}
		return own.identities(ctx, person, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// own is the ground of one person's events.
func (g *ground) own(person uint64) *ground {
	return &ground{g.engine, g.cut.of(person), g.scope}
}

// find returns the number of the person whom an id leads to.
func (g *ground) find(ctx context.Context, id string) (uint64, error) {
	numbers, err := numbersOfID(id)
	if err != nil {
		return 0, err
	}
	persons, err := g.roots(ctx, numbers)
	if err != nil {
		return 0, err
	}
	for _, p := range persons {
		n, err := count(ctx, g.cut, "SELECT count(*) FROM (SELECT person FROM "+g.cut.EventsOf([]uint64{p}, "person")+" LIMIT 1)")
		if err != nil {
			return 0, err
		}
		if n > 0 {
			return p, nil
		}
	}
	return 0, event.Errorf(event.NotFound, "no_person", "no event leads from %s to a person", quoteShort(id))
}

// numbersOfID are the numbers that a text may stand for.
func numbersOfID(text string) (out []uint64, err error) {
	kind, id, ok := strings.Cut(text, ":")
	if !ok || !slices.Contains([]string{kindPerson, kindUser, kindAnonymous, kindDevice}, kind) {
		kind, id = "", text
	}
	if kind == kindPerson || kind == "" {
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil && kind != "" {
			return nil, &event.Error{
				Kind: event.Invalid, Code: "bad_person", Field: kindPerson,
				Message: quoteShort(id) + " is no number of a person in decimal digits",
			}
		}
		if err == nil && n != 0 {
			out = append(out, n)
		}
	}
	for _, space := range idSpaces() {
		if kind == space.kind || kind == "" {
			out = append(out, event.IDNumber(space.space, id))
		}
	}
	return out, nil
}

type idSpace struct {
	kind  string
	space event.Space
}

func idSpaces() []idSpace {
	return []idSpace{{kindUser, event.SpaceUser}, {kindAnonymous, event.SpaceAnonymous}, {kindDevice, event.SpaceDevice}}
}

// roots are what persons have become, in their order.
func (g *ground) roots(ctx context.Context, persons []uint64) ([]uint64, error) {
	links, err := g.cut.Links(ctx, persons)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	to := make(map[uint64]uint64, len(links))
	for _, l := range links {
		to[l.From] = l.To
	}
	out := make([]uint64, len(persons))
	for i, p := range persons {
		for next, ok := to[p]; ok; next, ok = to[p] {
			p = next
		}
		out[i] = p
	}
	return out, nil
}

// names counts the events of the one person by name.
func (g *ground) names(ctx context.Context, out *Profile) error {
	sql := "SELECT event, count(*), max(time), count(*) OVER () FROM " + g.cut.Events("event", "time") +
		" GROUP BY event ORDER BY count(*) DESC, event LIMIT " + strconv.Itoa(maxNames)
	out.Names = []NameCount{}
	for row, err := range g.engine.rows(ctx, g.cut, "names", sql, nil) {
		if err != nil {
			return err
		}
		c := cells(row)
		out.Names = append(out.Names, NameCount{c.text(), c.int(), c.time()})
		out.NamesTotal = int(c.int())
	}
	return nil
}

// sent is an id as the events of one person carry it.
type sent struct {
	kind, id    string
	number      uint64
	first, last time.Time
	events      int64
}

// identities finds the ids that lead to the one person. An event may carry ids of others: of a phone that was somebody
// else's before.
func (g *ground) identities(ctx context.Context, person uint64, out *Profile) error {
	list, err := g.sentIDs(ctx)
	if err != nil {
		return err
	}
	numbers := make([]uint64, len(list))
	for i := range list {
		numbers[i] = list[i].number
	}
	roots, err := g.roots(ctx, numbers)
	if err != nil {
		return err
	}
	linked, err := g.linkedAt(ctx, numbers)
	if err != nil {
		return err
	}
	out.Identities = []Identity{}
	for i := range list {
		if roots[i] != person {
			continue
		}
		s := &list[i]
		id := Identity{Kind: s.kind, ID: s.id, Number: strconv.FormatUint(s.number, 10), FirstSeen: s.first, LastSeen: s.last, Events: s.events}
		if at, ok := linked[s.number]; ok {
			id.LinkedAt = &at
		}
		out.Identities = append(out.Identities, id)
	}
	slices.SortFunc(out.Identities, func(a, b Identity) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	out.IdentitiesTotal = len(out.Identities)
	out.Identities = out.Identities[:min(len(out.Identities), maxIdentities)]
	return nil
}

// sentIDs are all ids that events carry, each once. A previous id may be a user's or an anonymous one.
func (g *ground) sentIDs(ctx context.Context) ([]sent, error) {
	c := newCompiler(g.cut)
	d := c.dialect
	spare := func(key string) string {
		member := d.Member("extra", c.bind, key)
		return "CASE WHEN " + d.Contains("extra", c.bind(memberStart(key))) + " THEN " + d.JSONText(member) + " END"
	}
	sql := "SELECT user_id, anonymous_id, coalesce(device_id, " + spare("device_id") + ") AS d, " + spare("previous_id") + " AS p, min(time), max(time), count(*) FROM " +
		g.cut.Events("user_id", "anonymous_id", "device_id", "extra", "time") + " GROUP BY user_id, anonymous_id, d, p"
	var out []sent
	place := map[uint64]int{}
	for row, err := range g.engine.rows(ctx, g.cut, "identities", sql, c.args) {
		if err != nil {
			return nil, err
		}
		c := cells(row)
		user, anonymous, device, previous := c.text(), c.text(), c.text(), c.text()
		first, last, n := c.time(), c.time(), c.int()
		for _, s := range []sent{{kind: kindUser, id: user}, {kind: kindAnonymous, id: anonymous}, {kind: kindDevice, id: device}, {kind: kindUser, id: previous}, {kind: kindAnonymous, id: previous}} {
			if s.id == "" {
				continue
			}
			s.number, s.first, s.last, s.events = event.IDNumber(spaceOf(s.kind), s.id), first, last, n
			i, ok := place[s.number]
			if !ok {
				place[s.number] = len(out)
				out = append(out, s)
				continue
			}
			if first.Before(out[i].first) {
				out[i].first = first
			}
			if last.After(out[i].last) {
				out[i].last = last
			}
			out[i].events += n
		}
	}
	return out, nil
}

func spaceOf(kind string) event.Space {
	for _, s := range idSpaces() {
		if s.kind == kind {
			return s.space
		}
	}
	return event.SpaceUser
}

// linkedAt is when each of some numbers got its first link, as far as the events that made the links are among those of the
// person.
func (g *ground) linkedAt(ctx context.Context, numbers []uint64) (map[uint64]time.Time, error) {
	links, err := g.cut.Links(ctx, numbers)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	first := map[uint64]eventlog.Position{}
	for _, l := range links {
		for _, n := range []uint64{l.From, l.To} {
			if at, ok := first[n]; !ok || l.Position < at {
				first[n] = l.Position
			}
		}
	}
	if len(first) == 0 {
		return nil, nil
	}
	list := make([]string, 0, len(first))
	for _, at := range first {
		list = append(list, strconv.FormatUint(uint64(at), 10))
	}
	received := map[eventlog.Position]time.Time{}
	sql := "SELECT seq, received FROM " + g.cut.Events("seq", "received") + " WHERE seq IN (" + strings.Join(list, ", ") + ")"
	for row, err := range g.engine.rows(ctx, g.cut, "links", sql, nil) {
		if err != nil {
			return nil, err
		}
		c := cells(row)
		at := eventlog.Position(c.number())
		received[at] = c.time()
	}
	out := map[uint64]time.Time{}
	for n, at := range first {
		if t, ok := received[at]; ok {
			out[n] = t
		}
	}
	return out, nil
}
