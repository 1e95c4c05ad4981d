package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	duck "github.com/duckdb/duckdb-go/v2"
)

// execer is a connection that statements and Arrow views can be given to.
type execer interface {
	Raw(func(any) error) error
}

var _ execer = (*sql.Conn)(nil)

// newRecord reads n rows of arrays as one record.
func newRecord(fields []arrow.Field, arrays []arrow.Array, n int) array.RecordReader {
	schema := arrow.NewSchema(fields, nil)
	sent := false
	return newReader(schema, func() arrow.RecordBatch {
		if sent {
			return nil
		}
		sent = true
		return array.NewRecordBatch(schema, arrays, int64(n))
	})
}

// insertArrow inserts all records of a reader into a table, over a connection whose own database is home.
func insertArrow(ctx context.Context, conn execer, home, table, view string, reader array.RecordReader) error {
	release, err := offer(ctx, conn, home, view, reader)
	if err != nil {
		return err
	}
	defer release()
	return conn.Raw(func(raw any) error {
		exec := raw.(driver.ExecerContext)
		_, err := exec.ExecContext(ctx, insertFrom(table, view, reader.Schema()), nil)
		if err != nil {
			// A statement that was broken off is cleared away by the next one, which still reads the view: there has to be
			// a next one before the view is released.
			_, _ = exec.ExecContext(context.WithoutCancel(ctx), "SELECT 1", nil)
		}
		return err
	})
}

// insertFrom is the statement that inserts a view's rows in their order. DuckDB would keep each record of a source that numbers
// its pieces as a collection, for threads to make at the same time, and copy these into others, of the size of a row group,
// before it writes anything. An empty source that does not number them has it append the rows as they come.
func insertFrom(table, view string, schema *arrow.Schema) string {
	names := make([]string, schema.NumFields())
	for i, f := range schema.Fields() {
		names[i] = f.Name
	}
	list := strings.Join(names, ", ")
	return "INSERT INTO " + table + " (" + list + ") SELECT " + list + " FROM hot." + view +
		" UNION ALL SELECT NULL" + strings.Repeat(", NULL", len(names)-1) + " FROM range(0)"
}

// offer makes a reader a view of the database in memory, to be read once, until release is called. There it is never
// written, and a transaction on the file that reads it changes one database only, as DuckDB demands.
func offer(ctx context.Context, conn execer, home, view string, reader array.RecordReader) (func(), error) {
	var release func()
	err := conn.Raw(func(raw any) error {
		use := func(ctx context.Context, database string) error {
			if home == hotDatabase {
				return nil
			}
			_, err := raw.(driver.ExecerContext).ExecContext(ctx, "USE "+database, nil)
			return err
		}
		a, err := duck.NewArrowFromConn(raw.(driver.Conn))
		if err != nil {
			return err
		}
		if err := use(ctx, hotDatabase); err != nil {
			return err
		}
		if release, err = a.RegisterView(reader, view); err != nil {
			err = fmt.Errorf("offer %s: %w", view, err)
		}
		// The connection may be another's next: it has to find its tables.
		return errors.Join(err, use(context.WithoutCancel(ctx), home))
	})
	if err != nil {
		reader.Release()
		return nil, err
	}
	return func() {
		release()
		reader.Release()
	}, nil
}

// reader makes records one after the other, so that only one is in memory at a time.
type reader struct {
	schema  *arrow.Schema
	next    func() arrow.RecordBatch
	current arrow.RecordBatch
	refs    atomic.Int64
}

func newReader(schema *arrow.Schema, next func() arrow.RecordBatch) *reader {
	r := &reader{schema: schema, next: next}
	r.refs.Store(1)
	return r
}

// Retain implements array.RecordReader.
func (r *reader) Retain() { r.refs.Add(1) }

// Release implements array.RecordReader.
func (r *reader) Release() {
	if r.refs.Add(-1) == 0 && r.current != nil {
		r.current.Release()
		r.current = nil
	}
}

// Schema implements array.RecordReader.
func (r *reader) Schema() *arrow.Schema { return r.schema }

// Next implements array.RecordReader.
func (r *reader) Next() bool {
	if r.current != nil {
		r.current.Release()
	}
	r.current = r.next()
	return r.current != nil
}

// RecordBatch implements array.RecordReader.
func (r *reader) RecordBatch() arrow.RecordBatch { return r.current }

// Record implements array.RecordReader.
func (r *reader) Record() arrow.RecordBatch { return r.current }

// Err implements array.RecordReader.
func (r *reader) Err() error { return nil }
