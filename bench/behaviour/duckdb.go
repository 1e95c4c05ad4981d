package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

// duck is DuckDB alone, over a narrow table in the order that suits the questions.
type duck struct {
	conn *sql.Conn
	dir  string
}

// openDuck makes the table in a folder out of the store file of a server that is stopped, unless it is there from a run
// before, and uses so many threads.
func openDuck(ctx context.Context, dir, storeFile string, threads int) (*duck, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	db, err := sql.Open("duckdb", filepath.Join(dir, "best.duckdb"))
	if err != nil {
		return nil, err
	}
	d := &duck{dir: dir}
	if d.conn, err = db.Conn(ctx); err != nil {
		return nil, err
	}
	if _, err := d.conn.ExecContext(ctx, fmt.Sprintf("SET threads = %d", threads)); err != nil {
		return nil, err
	}
	var there bool
	if err := d.conn.QueryRowContext(ctx, "SELECT count(*) > 0 FROM duckdb_tables() WHERE table_name = 'best'").Scan(&there); err != nil || there {
		return d, err
	}
	if storeFile == "" {
		return nil, fmt.Errorf("%s has no table yet: say with -store what to make it of", dir)
	}
	return d, d.load(ctx, storeFile)
}

func (d *duck) load(ctx context.Context, storeFile string) error {
	if _, err := d.conn.ExecContext(ctx, "ATTACH "+quoted(storeFile)+" AS store (READ_ONLY)"); err != nil {
		return fmt.Errorf("attach %s: %w", storeFile, err)
	}
	country, err := d.property(ctx, "country")
	if err != nil {
		return err
	}
	duration, err := d.property(ctx, "duration_ms")
	if err != nil {
		return err
	}
	for _, q := range []string{
		// Rows of people who were merged since keep the person that they had until upkeep has rewritten them.
		fmt.Sprintf(`CREATE TABLE best AS SELECT day::INTEGER AS day, coalesce(l.target, e.person) AS person, time, e.seq, event, p%d AS country, app_version, p%d AS duration
			FROM store.events_1 e LEFT JOIN (SELECT person, target FROM store.pending_links WHERE project = 1) l ON l.person = e.person
			WHERE event <> 'bench_tick' ORDER BY day, 2, time, e.seq`, country, duration),
		"DETACH store", "CHECKPOINT",
	} {
		if _, err := d.conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	return nil
}

// property is the number of a property's column in the attached store.
func (d *duck) property(ctx context.Context, key string) (column int, err error) {
	row := d.conn.QueryRowContext(ctx, "SELECT number + 1 FROM store.properties WHERE project = 1 AND key = ? ORDER BY number LIMIT 1", key)
	if err := row.Scan(&column); err != nil {
		return 0, fmt.Errorf("find the property %s: %w", key, err)
	}
	return column, nil
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ask is the rows of an answer, their values with tabs between.
func (d *duck) ask(ctx context.Context, q string) (lines []string, took time.Duration, err error) {
	began := time.Now()
	rows, err := d.conn.QueryContext(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, 0, err
	}
	values, at := make([]any, len(columns)), make([]any, len(columns))
	for i := range at {
		at[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(at...); err != nil {
			return nil, 0, err
		}
		fields := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				fields[i] = fmt.Sprint(v)
			}
		}
		lines = append(lines, strings.Join(fields, "\t"))
	}
	return lines, time.Since(began), rows.Err()
}

// parquet writes the table into a file.
func (d *duck) parquet(ctx context.Context) (string, error) {
	path := filepath.Join(d.dir, "best.parquet")
	q := "COPY (SELECT day, person, epoch_us(time)::UBIGINT AS time, seq, event, country, app_version, duration FROM best) TO %s (FORMAT parquet)"
	_, err := d.conn.ExecContext(ctx, fmt.Sprintf(q, quoted(path)))
	return path, err
}
