package duckdb

import (
	"context"
	"strings"
	"testing"
)

// A flush that DuckDB plans as a batch insert copies every row once more, which costs a quarter of it.
func TestFlushAppendsRowsAsTheyCome(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	fill(t, s, 0, 10)
	if err := s.flush(ctx); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 10, 10)
	rows, release, err := s.offerRows(ctx, s.seal())
	if err != nil {
		t.Fatal(err)
	}
	var kind, plan string
	explained := s.flusher.QueryRowContext(ctx, "EXPLAIN "+insertFrom(rows[0].table.cold, rows[0].view, rows[0].schema))
	err = explained.Scan(&kind, &plan)
	release()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, " INSERT ") || strings.Contains(plan, "BATCH_INSERT") {
		t.Fatalf("a flush is planned as\n%s", plan)
	}
}
