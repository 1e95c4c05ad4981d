package duckdb

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// sortedRows is how many rows of a flush are put in order at a time: enough to be cheap, few enough to be small.
const sortedRows = 20480

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
		reader := sortedReader(onDisk(columns), keys, &s.chunks, func() { s.yield(ctx) })
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

// chunk is the memory of some rows in order. DuckDB reads it in place; it frees the buffers when it has, each once.
type chunk struct {
	memory.GoAllocator
	columns []column
	held    atomic.Int64
}

// Free implements memory.Allocator: a buffer is not read any more.
func (c *chunk) Free([]byte) { c.held.Add(-1) }

// array is a column of the chunk as Arrow sees it.
func (c *chunk) array(column int) arrow.Array {
	col := &c.columns[column]
	buffers := col.buffers(func(b []byte) *memory.Buffer {
		c.held.Add(1)
		return memory.NewBufferWithAllocator(b, c)
	})
	data := array.NewData(col.arrowType(), col.rows, buffers, nil, col.nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	return array.MakeFromData(data)
}

// chunks keeps chunks for use again. It belongs to whoever holds flushing.
type chunks struct{ list []*chunk }

// mostChunks bounds those kept from one flush to the next: DuckDB reads one while the next is filled.
const mostChunks = 3

// next is a chunk with a number of columns that nobody reads.
func (c *chunks) next(columns int) *chunk {
	i := slices.IndexFunc(c.list, func(c *chunk) bool { return c.held.Load() == 0 })
	if i < 0 {
		i = len(c.list)
		c.list = append(c.list, &chunk{})
	}
	for len(c.list[i].columns) < columns {
		c.list[i].columns = append(c.list[i].columns, column{})
	}
	return c.list[i]
}

// reuse keeps what the next flush usually needs.
func (c *chunks) reuse() {
	if len(c.list) > mostChunks {
		c.list = c.list[:mostChunks:mostChunks]
	}
}

// yield lets a flush wait for those who wait for answers, unless commits would soon have to wait for the flush.
func (s *Store) yield(ctx context.Context) {
	if rows, bytes := s.hot(); 4*rows < 3*maxBehind*s.opts.FlushRows && 4*bytes < 3*maxBehind*flushBytes {
		s.opts.Yield(ctx)
	}
}

// inOrder reads columns in the order of the keys, for who does it rarely.
func inOrder(columns []packed, keys []key) array.RecordReader {
	return sortedReader(columns, keys, &chunks{}, func() {})
}

// sortedReader reads columns in the order of the keys, with the persons that the keys name. It calls before ahead of each
// batch.
func sortedReader(columns []packed, keys []key, chunks *chunks, before func()) array.RecordReader {
	fields := make([]arrow.Field, len(columns))
	for i := range columns {
		c := columns[i].field()
		fields[i] = c.field()
	}
	var places []int32
	schema := arrow.NewSchema(fields, nil)
	return newReader(schema, func() arrow.RecordBatch {
		if len(keys) == 0 {
			return nil
		}
		before()
		some := keys[:min(len(keys), sortedRows)]
		keys = keys[len(some):]
		arrays := make([]arrow.Array, len(columns))
		into := chunks.next(len(columns))
		for i := range columns {
			c := &into.columns[i]
			columns[i].gather(c, some, &places)
			if c.name == "person" {
				c.words = c.words[:0]
				for _, k := range some {
					c.words = appendWord(c.words, k.person)
				}
			}
			arrays[i] = into.array(i)
			defer arrays[i].Release() // the record has them
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
