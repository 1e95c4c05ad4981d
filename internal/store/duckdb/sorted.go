package duckdb

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// sortedRows is how many rows of a flush are put in order at a time: enough to be cheap, few enough to be small.
const sortedRows = 122880

// sorted are the rows of one project on their way to disk, in its order: a view that can be read once.
type sorted struct {
	table  *table
	view   string
	schema *arrow.Schema
	rows   int
	days   map[int64]int
}

// offerRows makes views of a sealed generation's rows. It runs before the transaction that writes them.
func (s *Store) offerRows(ctx context.Context, g *generation) (out []sorted, release func(), err error) {
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
		s.chunks.reuse()
	}
	for project, p := range g.parts {
		links, err := s.latest(ctx, project, g.end)
		if err != nil {
			release()
			return nil, nil, err
		}
		o := sorted{table: p.table, view: fmt.Sprintf("sorted_%d", project), rows: p.n}
		var keys []key
		keys, o.days = p.order(p.n, links)
		s.writing.Lock() // a cut may be filling the columns up at this moment
		columns := p.filled()
		s.writing.Unlock()
		reader := sortedReader(columns, keys, &s.chunks)
		o.schema = reader.Schema()
		r, err := offer(ctx, s.flusher, fileDatabase, o.view, reader)
		if err != nil {
			release()
			return nil, nil, err
		}
		out, releases = append(out, o), append(releases, r)
	}
	return out, release, nil
}

// latest is what persons have become by the links that rows do not follow yet.
func (s *Store) latest(ctx context.Context, project store.ProjectID, before eventlog.Position) (map[uint64]uint64, error) {
	if !s.pending.has(project) {
		return nil, nil
	}
	rows, err := s.flusher.QueryContext(ctx, "SELECT link_from, link_to FROM "+latestLinks(project, before))
	if err != nil {
		return nil, fmt.Errorf("read pending links: %w", err)
	}
	defer rows.Close()
	links := map[uint64]uint64{}
	for rows.Next() {
		var from, to uint64
		if err := rows.Scan(&from, &to); err != nil {
			return nil, fmt.Errorf("read pending links: %w", err)
		}
		links[from] = to
	}
	return links, rows.Err()
}

// chunks keeps the memory of what a flush puts in order. DuckDB reads it until its statement ends, so it is used again by
// the next flush only. It belongs to whoever holds flushing.
type chunks struct {
	sets [][]column
	used int
}

func (c *chunks) next(columns int) []column {
	if c.used == len(c.sets) {
		c.sets = append(c.sets, nil)
	}
	for len(c.sets[c.used]) < columns {
		c.sets[c.used] = append(c.sets[c.used], column{})
	}
	c.used++
	return c.sets[c.used-1]
}

// reuse keeps one chunk's memory, which is what a flush usually needs.
func (c *chunks) reuse() {
	c.used = 0
	if len(c.sets) > 1 {
		c.sets = c.sets[:1:1]
	}
}

// sortedReader reads columns in the order of the keys, with the persons that the keys name.
func sortedReader(columns []column, keys []key, chunks *chunks) array.RecordReader {
	fields := make([]arrow.Field, len(columns))
	for i := range columns {
		fields[i] = columns[i].field()
	}
	schema := arrow.NewSchema(fields, nil)
	return newReader(schema, func() arrow.RecordBatch {
		if len(keys) == 0 {
			return nil
		}
		some := keys[:min(len(keys), sortedRows)]
		keys = keys[len(some):]
		arrays := make([]arrow.Array, len(columns))
		into := chunks.next(len(columns))
		for i := range columns {
			c := &into[i]
			columns[i].gather(c, some)
			if c.name == "person" {
				c.words = c.words[:0]
				for _, k := range some {
					c.words = appendWord(c.words, k.person)
				}
			}
			arrays[i] = c.array()
		}
		return array.NewRecordBatch(schema, arrays, int64(len(some)))
	})
}

func (s *Store) writeRows(ctx context.Context, rows *sorted) error {
	q := insertFrom(rows.table.cold, rows.view, rows.schema)
	if _, err := s.flusher.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("write %d rows of project %d: %w", rows.rows, rows.table.project, err)
	}
	for day, n := range rows.days {
		if _, err := s.flusher.ExecContext(ctx, "INSERT INTO runs VALUES (?, ?, ?)", uint32(rows.table.project), day, int64(n)); err != nil {
			return fmt.Errorf("note runs of project %d: %w", rows.table.project, err)
		}
	}
	return nil
}
