package duckdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// fewPeople is up to how many numbers a statement holds itself; more of them are in a table.
const fewPeople = 64

// People implements store.Cut.
func (c *cut) People(persons []uint64) string {
	if len(persons) == 0 {
		return "(SELECT 0::UBIGINT AS person WHERE false)"
	}
	if len(persons) <= fewPeople {
		list := make([]string, len(persons))
		for i, p := range persons {
			list[i] = strconv.FormatUint(p, 10) + "::UBIGINT"
		}
		return "(SELECT unnest([" + strings.Join(list, ", ") + "]) AS person)"
	}
	name, err := c.peopleTable(persons)
	if err != nil {
		c.failed = errors.Join(c.failed, err)
		return c.People(nil)
	}
	return "(SELECT person FROM " + name + ")"
}

// peopleTable makes a table of the cut's own, which is gone with its transaction.
func (c *cut) peopleTable(persons []uint64) (string, error) {
	if c.table == nil && !c.begun {
		// A project without events has no transaction so far.
		if _, err := c.conn.ExecContext(c.ctx, "BEGIN"); err != nil {
			return "", fmt.Errorf("begin: %w", err)
		}
		c.begun = true
	}
	c.locals++
	name := fmt.Sprintf("own_%d_%d", c.number, c.locals)
	if _, err := c.conn.ExecContext(c.ctx, "CREATE TEMP TABLE "+name+" (person UBIGINT)"); err != nil {
		return "", fmt.Errorf("create %s: %w", name, err)
	}
	numbers := column{name: "person", typ: store.Number64}
	numbers.start(0)
	for i, p := range persons {
		numbers.word(i, p)
	}
	if err := into(c.ctx, c.conn, fileDatabase, name, "from_"+name, []column{numbers}, len(persons)); err != nil {
		return "", fmt.Errorf("fill %s with %d people: %w", name, len(persons), err)
	}
	return name, nil
}

// Resolve implements store.Cut.
func (c *cut) Resolve(ctx context.Context, persons []uint64) ([]uint64, error) {
	out := slices.Clone(persons)
	links, err := c.linksOf(ctx, out)
	if err != nil {
		return nil, err
	}
	for i, p := range out {
		for l, ok := links[p]; ok; l, ok = links[p] {
			p = l.To
		}
		out[i] = p
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Links implements store.Cut.
func (c *cut) Links(ctx context.Context, persons []uint64) ([]store.Link, error) {
	links, err := c.linksOf(ctx, persons)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Values(links)), nil
}

// linksOf has the links of some persons, of those they lead to, and so on.
func (c *cut) linksOf(ctx context.Context, persons []uint64) (map[uint64]store.Link, error) {
	out := map[uint64]store.Link{}
	if c.table == nil {
		return out, nil
	}
	recent := map[uint64]store.Link{}
	for _, list := range c.links {
		for _, l := range list {
			if l.Project == c.table.project && l.Position < c.watermark.Position {
				recent[l.From] = l
			}
		}
	}
	for next := persons; len(next) > 0; {
		found, err := c.linksOnDisk(ctx, next)
		if err != nil {
			return nil, err
		}
		var ahead []uint64
		for _, p := range next {
			l, ok := recent[p]
			if !ok {
				l, ok = found[p]
			}
			if _, known := out[p]; ok && !known {
				out[p] = l
				ahead = append(ahead, l.To)
			}
		}
		next = ahead
	}
	maps.DeleteFunc(out, func(_ uint64, l store.Link) bool { return l.From == l.To })
	return out, nil
}

// linksOnDisk has the links of some persons that have been written. Of two that one event makes the second counts.
func (c *cut) linksOnDisk(ctx context.Context, persons []uint64) (map[uint64]store.Link, error) {
	q := fmt.Sprintf("SELECT person, target, position FROM links WHERE project = %d AND position < %d AND person IN (SELECT person FROM %s)"+
		" ORDER BY position, rowid", c.table.project, c.watermark.Position, c.People(persons))
	out := map[uint64]store.Link{}
	for b, err := range c.Batches(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read links: %w", err)
		}
		for i, from := range b.Columns[0].Uint64 {
			out[from] = store.Link{
				Project: c.table.project, From: from, To: b.Columns[1].Uint64[i], Position: eventlog.Position(b.Columns[2].Uint64[i]),
			}
		}
	}
	return out, nil
}
