package query_test

import (
	"context"
	"os"
	"testing"

	"github.com/freshet/freshet/internal/store/clickhouse"
	"github.com/freshet/freshet/internal/store/duckdb"
	"github.com/freshet/freshet/internal/store/storetest"
	"github.com/freshet/freshet/test/clickhousetest"
)

// onClickHouse has all properties hold for a store in ClickHouse, and not in DuckDB.
var onClickHouse = os.Getenv("FRESHET_TEST_STORE") == "clickhouse"

// openLimited opens the store of a folder, with so many threads and property columns, and so many rows in memory, 0 for as
// many as usual. In ClickHouse rows are sealed as the second comes, between any two questions.
func openLimited(t testing.TB, dir string, threads, limit, rows int) storetest.Store {
	if onClickHouse {
		target, err := clickhouse.ParseURL(clickhousetest.Database(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		s, err := clickhouse.Open(context.Background(), clickhouse.Options{Target: target, PropertyLimit: limit, SealRows: 40})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, err := duckdb.Open(context.Background(), duckdb.Options{Dir: dir, PropertyLimit: limit, Threads: threads, FlushRows: rows})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
