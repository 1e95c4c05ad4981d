package query

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

const (
	// schemaSettings bounds of how many of the newest events with traits the keys are read.
	schemaSettings = 500_000
	// schemaStretches is in how many parts the positions are counted, to find those of that many events.
	schemaStretches = 1_000
)

// withTraits holds for events that change the traits of people.
const withTraits = "traits IS NOT NULL AND kind <> 'group'"

// traitSeen is when a trait was set, and what was set once, at first and at last.
type traitSeen struct{ first, last time.Time }

// seen tells by key when traits were set to anything but null, whatever became of it, and whether that is of the newest
// events only.
func (b *schemaBuilder) seen(ctx context.Context) (seen map[string]traitSeen, partial bool, err error) {
	from, partial, err := b.settingsFrom(ctx, schemaSettings)
	if err != nil {
		return nil, false, err
	}
	ops := "/" + store.TraitOps
	// What is apart from the traits that are just set is read beside them, without the member that holds it.
	objects := fmt.Sprintf("CASE WHEN contains(traits, '%s') THEN [TRY(json_merge_patch(traits, '{%q:null}')), TRY(json_extract(traits, '%s/%s')), TRY(json_extract(traits, '%s/%s'))]"+
		" ELSE [traits] END", traitOps(), store.TraitOps, ops, event.Set, ops, event.SetOnce)
	q := fmt.Sprintf("SELECT key, min(time), max(time) FROM ("+
		"SELECT unnest(TRY(json_keys(o))) AS key, unnest(TRY(json_type(o, '$.*'))) AS sort, time FROM ("+
		"SELECT unnest(%s) AS o, time FROM %s WHERE %s AND seq >= %d)) WHERE sort <> 'NULL' GROUP BY key",
		objects, b.cut.Events("traits", "time", "seq", "kind"), withTraits, from)
	seen = map[string]traitSeen{}
	for row, err := range b.cut.Rows(ctx, q) {
		if err != nil {
			return nil, false, err
		}
		c := cells(row)
		seen[c.text()] = traitSeen{c.time(), c.time()}
	}
	return seen, partial, nil
}

// settingsFrom is the first position of the newest events with traits: of so many, and of those more that share the stretch of the
// oldest of them. It tells whether there are some before it.
func (b *schemaBuilder) settingsFrom(ctx context.Context, most int64) (from uint64, partial bool, err error) {
	width := uint64(b.cut.Watermark().Position)/schemaStretches + 1
	q := fmt.Sprintf("SELECT seq // %d AS stretch, count(*) FROM %s WHERE %s GROUP BY stretch ORDER BY stretch DESC",
		width, b.cut.Events("traits", "seq", "kind"), withTraits)
	var n int64
	for row, err := range b.cut.Rows(ctx, q) {
		if err != nil {
			return 0, false, err
		}
		if n >= most {
			return from, true, nil
		}
		c := cells(row)
		from = c.number() * width
		n += c.int()
	}
	return from, false, nil
}
