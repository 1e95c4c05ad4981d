// Command baseline asks the four counting questions of the benchmark of DuckDB alone, with the layout and the SQL that
// suit each best: the figures that the server's own answers are held against. It reads the events out of the store file
// of a server that is stopped, so both answer from the same events.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

// questions are the SQL of each question; %[1]d and %[2]d are the first and the last day.
var questions = []struct{ name, sql string }{
	{"one event per day", `SELECT day, count(*) FROM best WHERE event = 'purchase' AND day BETWEEN %[1]d AND %[2]d GROUP BY day ORDER BY day`},
	{"exact unique people per day", `SELECT day, count(DISTINCT person) FROM best WHERE day BETWEEN %[1]d AND %[2]d GROUP BY day ORDER BY day`},
	{"exact unique people per day and in all", `WITH c AS MATERIALIZED (SELECT DISTINCT day, person FROM best WHERE day BETWEEN %[1]d AND %[2]d)
		SELECT day, count(*) FROM c GROUP BY day UNION ALL SELECT NULL, count(DISTINCT person) FROM c`},
	{"one event by country, top 10", `SELECT country, count(*) AS n FROM best WHERE event = 'purchase' AND day BETWEEN %[1]d AND %[2]d GROUP BY country ORDER BY n DESC LIMIT 10`},
	{"exact p95 of a duration by app version", `SELECT app_version, quantile_cont(duration, 0.95) FROM best WHERE event = 'product_viewed' AND day BETWEEN %[1]d AND %[2]d GROUP BY app_version ORDER BY app_version`},
}

type result struct {
	Rows     int64              `json:"rows"`
	MedianMS map[string]float64 `json:"median_ms"`
}

func main() {
	storeFile := flag.String("store", "", "store.duckdb of a stopped server")
	dir := flag.String("dir", "", "folder for the table made from it")
	runs := flag.Int("runs", 5, "runs of each question after one to warm up")
	memory := flag.String("memory", "224MiB", "DuckDB's memory limit, as the server has it")
	flag.Parse()
	if err := run(context.Background(), *storeFile, *dir, *memory, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, storeFile, dir, memory string, runs int) error {
	db, err := sql.Open("duckdb", filepath.Join(dir, "baseline.duckdb"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := load(ctx, conn, storeFile); err != nil {
		return fmt.Errorf("load %s: %w", storeFile, err)
	}
	if _, err := conn.ExecContext(ctx, "SET memory_limit = '"+memory+"'"); err != nil {
		return err
	}
	out := result{MedianMS: map[string]float64{}}
	var first, last int
	if err := conn.QueryRowContext(ctx, "SELECT count(*), min(day), max(day) FROM best").Scan(&out.Rows, &first, &last); err != nil {
		return err
	}
	for _, q := range questions {
		ms, err := median(ctx, conn, fmt.Sprintf(q.sql, first, last), runs)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		out.MedianMS[q.name] = ms
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// load makes a narrow table in the order that suits the questions, unless it is there from a run before.
func load(ctx context.Context, conn *sql.Conn, storeFile string) error {
	var there bool
	if err := conn.QueryRowContext(ctx, "SELECT count(*) > 0 FROM duckdb_tables() WHERE table_name = 'best'").Scan(&there); err != nil || there {
		return err
	}
	if _, err := conn.ExecContext(ctx, "ATTACH '"+strings.ReplaceAll(storeFile, "'", "''")+"' AS store (READ_ONLY)"); err != nil {
		return err
	}
	var country, duration int
	for _, p := range []struct {
		key string
		n   *int
	}{{"country", &country}, {"duration_ms", &duration}} {
		row := conn.QueryRowContext(ctx, "SELECT number + 1 FROM store.properties WHERE project = 1 AND key = ? ORDER BY number LIMIT 1", p.key)
		if err := row.Scan(p.n); err != nil {
			return fmt.Errorf("find property %s: %w", p.key, err)
		}
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE best AS SELECT day::INTEGER AS day, person, time, event, p%d AS country, app_version, p%d AS duration
		FROM store.events_1 ORDER BY day, person, time`, country, duration))
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "CHECKPOINT")
	return err
}

func median(ctx context.Context, conn *sql.Conn, q string, runs int) (float64, error) {
	var took []float64
	for i := range runs + 1 {
		began := time.Now()
		if err := ask(ctx, conn, q); err != nil {
			return 0, err
		}
		if i > 0 {
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// ask reads the whole answer.
func ask(ctx context.Context, conn *sql.Conn, q string) error {
	rows, err := conn.QueryContext(ctx, q)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	return rows.Err()
}
