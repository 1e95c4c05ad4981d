package query

import (
	"context"
	"fmt"
	"time"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// withTraits holds for events that change the traits of people.
const withTraits = "traits IS NOT NULL AND kind <> 'group'"

// traitSeen is when a trait was set, and what was set once, at first and at last.
type traitSeen struct{ first, last time.Time }

// seen tells by key when traits were set to anything but null, whatever became of it, by the events that are counted.
func (b *schemaBuilder) seen(ctx context.Context) (map[string]traitSeen, error) {
	// Who sends the same traits again and again does so with the same text.
	q := fmt.Sprintf("SELECT traits, min(time), max(time) FROM %s WHERE %s AND seq >= %d GROUP BY traits",
		b.cut.Events("traits", "time", "seq", "kind"), withTraits, b.first)
	seen := map[string]traitSeen{}
	var parser fastjson.Parser
	for row, err := range b.cut.Rows(ctx, q) {
		if err != nil {
			return nil, err
		}
		c := cells(row)
		v, err := parser.Parse(c.text())
		if err != nil || v.Type() != fastjson.TypeObject {
			continue
		}
		at := traitSeen{c.time(), c.time()}
		ops := v.GetObject(store.TraitOps)
		v.GetObject().Del(store.TraitOps)
		for _, o := range []*fastjson.Object{v.GetObject(), member(ops, event.Set), member(ops, event.SetOnce)} {
			noteKeys(seen, o, at)
		}
	}
	return seen, nil
}

// noteKeys widens what is known of the members of an object that are not null.
func noteKeys(seen map[string]traitSeen, o *fastjson.Object, at traitSeen) {
	if o == nil {
		return
	}
	o.Visit(func(k []byte, v *fastjson.Value) {
		if v.Type() == fastjson.TypeNull {
			return
		}
		known, ok := seen[string(k)]
		if !ok {
			known = at
		}
		if at.first.Before(known.first) {
			known.first = at.first
		}
		if at.last.After(known.last) {
			known.last = at.last
		}
		seen[string(k)] = known
	})
}
