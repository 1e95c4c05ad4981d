package archive

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // what outside tools read the files with

	"github.com/freshet/freshet/internal/event"
)

// TestDuckDBReadsIt asks DuckDB about the files as any user would, by the folders' names and by the columns.
func TestDuckDBReadsIt(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	var c event.Encoder
	c.Begin(event.Header{Project: 2, ReceivedAt: day(1), Protocol: "amplitude"})
	c.AddDead(event.Dead{Code: "malformed_json", Reason: "no JSON", Body: []byte("{")})
	w.append(c.Payload(), 1)
	w.archiveAll()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	from := fmt.Sprintf("read_parquet('%s/events/*/*/*.parquet', hive_partitioning = true)", w.bucket())
	for q, want := range map[string]string{
		"SELECT count(*), sum(events), min(position), max(position) FROM " + from:                                                                         "[74 74 0 73]",
		"SELECT count(*) FROM " + from + " WHERE project = 2 AND day = DATE '2026-03-02' AND row = 'event'":                                               "[16]",
		"SELECT row, protocol, code, body::VARCHAR FROM " + from + " WHERE row <> 'event'":                                                                "[dead amplitude malformed_json {]",
		"SELECT event, id, user_id, kind, properties, traits, wire FROM " + from + " WHERE position = 0":                                                  `[purchase id-0 u0 track {"price":1.5,"sku":"a\"b"} <nil> <nil>]`,
		"SELECT received::VARCHAR, epoch_us(received) - epoch_us(original_time), typeof(position), typeof(received) FROM " + from + " WHERE position = 0": "[2026-03-01 12:00:00+00 5 UBIGINT TIMESTAMP WITH TIME ZONE]",
	} {
		rows, err := db.Query(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil || !rows.Next() {
			t.Fatalf("%s: %v %v", q, err, rows.Err())
		}
		values := make([]any, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(values); got != want {
			t.Errorf("%s:\n got %s\nwant %s", q, got, want)
		}
	}
	if names, err := filepath.Glob(filepath.Join(string(w.bucket()), "events", "project=1", "day=2026-03-01", "*.parquet")); err != nil || len(names) == 0 {
		t.Errorf("no file where its name says: %v", err)
	}
}
