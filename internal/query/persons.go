package query

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// Person is one person of a list: who it is, and what its events say last.
type Person struct {
	// Person is a 64-bit number in decimal digits.
	Person string `json:"person"`
	// UserID and AnonymousID are the ones sent last; Anonymous tells that there never was a user id.
	UserID      string `json:"user_id,omitempty"`
	AnonymousID string `json:"anonymous_id,omitempty"`
	Anonymous   bool   `json:"anonymous"`
	// FirstSeen and LastSeen are the times of the first and the last event. Both are absent when there is no event any
	// more: the person was merged into another one, or removed, since the list was made.
	FirstSeen *time.Time `json:"first_seen,omitempty"`
	LastSeen  *time.Time `json:"last_seen,omitempty"`
	Events    int64      `json:"events"`
	Country   string     `json:"country,omitempty"`
	OS        string     `json:"os,omitempty"`
	// AppVersion, like Country and OS, is that of the last event that has one.
	AppVersion string `json:"app_version,omitempty"`
	// Traits is a JSON object of the latest traits, nil without any.
	Traits json.RawMessage `json:"traits,omitempty"`
}

// personsAtATime is how many people one statement looks up.
const personsAtATime = 10_000

// Persons calls each with what is known of some people, in the order of the list, until it returns an error.
func (e *Engine) Persons(ctx context.Context, s Scope, people []uint64, each func(*Person) error) error {
	return e.ask(ctx, "persons", s, func(ctx context.Context, cut *peopledCut) error {
		g := &ground{e, cut, s}
		for chunk := range slices.Chunk(people, personsAtATime) {
			found, err := g.persons(ctx, chunk)
			if err != nil {
				return err
			}
			for i := range found {
				if err := each(&found[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// fewPersons is up to how many people's rows are read one by one.
const fewPersons = 64

// eventsOf is the relation of the events of some people.
func (g *ground) eventsOf(people []uint64, columns ...string) string {
	if len(people) <= fewPersons {
		return g.cut.EventsOf(people, columns...)
	}
	return g.cut.Events(columns...) + " WHERE person IN (SELECT person FROM " + g.cut.People(people) + ")"
}

// persons looks people up.
func (g *ground) persons(ctx context.Context, people []uint64) ([]Person, error) {
	out, place := make([]Person, len(people)), make(map[uint64]*Person, len(people))
	for i, p := range people {
		out[i] = Person{Person: strconv.FormatUint(p, 10), Anonymous: true}
		place[p] = &out[i]
	}
	if err := g.seen(ctx, people, place); err != nil {
		return nil, err
	}
	return out, g.traits(ctx, people, place)
}

// seen reads what the events say.
func (g *ground) seen(ctx context.Context, people []uint64, place map[uint64]*Person) error {
	latest := []string{"user_id", "anonymous_id", "country", "os", "app_version"}
	list := append(make([]string, 0, 4+len(latest)), "person", "count(*)", "min(time)", "max(time)")
	for _, column := range latest {
		list = append(list, g.cut.Dialect().ArgMax(column, "(time, seq)", column+" IS NOT NULL"))
	}
	columns := append([]string{"person", "time", "seq"}, latest...)
	sql := "SELECT " + strings.Join(list, ", ") + " FROM " + g.eventsOf(people, columns...) + " GROUP BY person"
	for row, err := range g.engine.rows(ctx, g.cut, "persons", sql, nil) {
		if err != nil {
			return err
		}
		c := cells(row)
		p := place[c.number()]
		if p == nil {
			return fmt.Errorf("read persons: %v was not asked for", row[0])
		}
		p.Events = c.int()
		first, last := c.time(), c.time()
		p.FirstSeen, p.LastSeen = &first, &last
		p.UserID, p.AnonymousID, p.Country, p.OS, p.AppVersion = c.text(), c.text(), c.text(), c.text(), c.text()
		p.Anonymous = p.UserID == ""
	}
	return nil
}

// traits reads the traits, which are the work of all events in order.
func (g *ground) traits(ctx context.Context, people []uint64, place map[uint64]*Person) error {
	sql := "SELECT person, traits FROM (SELECT * FROM " + g.eventsOf(people, "person", "time", "seq", "kind", "traits") +
		") WHERE traits IS NOT NULL AND kind <> 'group' ORDER BY person, time, seq"
	folds := map[uint64]*traitFold{}
	for row, err := range g.engine.rows(ctx, g.cut, "persons", sql, nil) {
		if err != nil {
			return err
		}
		c := cells(row)
		person := c.number()
		if folds[person] == nil {
			folds[person] = newTraitFold()
		}
		folds[person].apply(c.text())
	}
	for person, f := range folds {
		place[person].Traits = f.object()
	}
	return nil
}

// traitFold makes the traits of one person out of its events, by the rule that trait.go has for one of them.
type traitFold struct {
	parser    fastjson.Parser
	set, once map[string]string
}

// apply adds the column of one event.
func (f *traitFold) apply(text string) {
	v, err := f.parser.Parse(text)
	if err != nil || v.Type() != fastjson.TypeObject {
		return
	}
	ops := v.GetObject(store.TraitOps)
	gone, all := f.gone(ops)
	keep := func(key string) bool { return !all && !slices.Contains(gone, key) }
	for key, value := range membersOf(member(ops, event.SetOnce)) {
		if _, has := f.once[key]; !has && keep(key) {
			f.once[key] = value
		}
	}
	for _, o := range []*fastjson.Object{v.GetObject(), member(ops, event.Set)} {
		for key, value := range membersOf(o) {
			if keep(key) && (o != v.GetObject() || key != store.TraitOps) {
				f.set[key] = value
			}
		}
	}
}

// gone takes away what an event takes away: some traits, or all.
func (f *traitFold) gone(ops *fastjson.Object) (keys []string, all bool) {
	if ops != nil && ops.Get(event.Clear.String()) != nil {
		clear(f.set)
		clear(f.once)
		return nil, true
	}
	for key := range membersOf(member(ops, event.Unset)) {
		keys = append(keys, key)
		delete(f.set, key)
		delete(f.once, key)
	}
	return keys, false
}

func member(ops *fastjson.Object, op event.Op) *fastjson.Object {
	if ops == nil {
		return nil
	}
	v := ops.Get(op.String())
	if v == nil {
		return nil
	}
	return v.GetObject()
}

// membersOf are the members of an object as JSON.
func membersOf(o *fastjson.Object) map[string]string {
	out := map[string]string{}
	if o != nil {
		o.Visit(func(k []byte, v *fastjson.Value) { out[string(k)] = string(v.MarshalTo(nil)) })
	}
	return out
}

func newTraitFold() *traitFold {
	return &traitFold{set: map[string]string{}, once: map[string]string{}}
}

// all are the traits as JSON, by key.
func (f *traitFold) all() map[string]string {
	all := maps.Clone(f.once)
	maps.Copy(all, f.set)
	return all
}

// object is a JSON object of the traits, by key.
func (f *traitFold) object() json.RawMessage {
	all := f.all()
	if len(all) == 0 {
		return nil
	}
	out := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(event.AppendJSONString(out, key), ':')
		out = append(out, all[key]...)
	}
	return append(out, '}')
}
