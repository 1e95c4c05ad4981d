package rest

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

// table asks for a CSV and reads it.
func (w *world) table(question string) (names []string, rows [][]string) {
	w.t.Helper()
	got := w.ask("1 read", "POST", "/v1/query?format=csv", question)
	if got.Code != 200 {
		w.t.Fatalf("%s: %d %s", question, got.Code, got.Body)
	}
	all, err := csv.NewReader(got.Body).ReadAll()
	must(w.t, err)
	return all[0], all[1:]
}

func TestTrendAsATable(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 50)
	const q = `{"kind":"trends","range":{"from":"-3d","to":"now"},"compare":"previous","breakdown":[{"property":"$user_id"}],"breakdown_limit":2,
		"series":[{"events":["buy"],"label":"=1+1","aggregate":"unique"}]}`
	var a query.Answer
	w.ask("1 read", "POST", "/v1/query", q).json(&a)
	names, rows := w.table(q)
	if got := strings.Join(names, " "); got != "breakdown_1 series label span bucket partial value compare" {
		t.Fatal(got)
	}
	if want := len(a.Series) * (len(a.Buckets) + 1); len(rows) != want || want < 8 {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	for i, s := range a.Series {
		for j, row := range rows[i*(len(a.Buckets)+1) : (i+1)*(len(a.Buckets)+1)] {
			value, compare, start := s.Total, s.Compare.Total, ""
			if j < len(a.Buckets) {
				value, compare, start = s.Values[j], s.Compare.Values[j], csvCell(a.Buckets[j].Start)
			}
			if row[0] != csvCell(s.Breakdown[0]) || row[2] != "'=1+1" || row[4] != start || row[6] != csvCell(*value) || row[7] != csvCell(*compare) {
				t.Errorf("%d %d: %v", i, j, row)
			}
		}
	}
}

// kindTables has a question of each kind and view, with the columns of its table and some cells of its first row.
var kindTables = []struct{ question, columns, first string }{
	{`{"kind":"trends","series":[{"events":["buy"]}],"range":{"from":"-1d"}}`, "series label span bucket partial value compare", "A,buy,bucket,"},
	{
		`{"kind":"funnel","range":{"from":"-7d"},"steps":[{"events":["buy"]},{"events":["buy"]}]}`,
		"period step label count rate from_previous median_ms average_ms entered converted dropped open conversion conversion_of_all", "asked,1,buy,10,1,,,,10,10,0,0,1,1",
	},
	{
		`{"kind":"funnel","range":{"from":"-7d"},"show":"trend","breakdown":[{"property":"$user_id"}],"steps":[{"events":["buy"]},{"events":["buy"]}]}`,
		"breakdown_1 period bucket partial entered converted dropped open conversion conversion_of_all step_1 step_2", "'=u0,asked,",
	},
	{
		`{"kind":"funnel","range":{"from":"-7d"},"show":"time_to_convert","steps":[{"events":["buy"]},{"events":["buy"]}]}`,
		"period from_step to_step from_ms to_ms count all average_ms min_ms p25_ms median_ms p75_ms p90_ms p95_ms p99_ms max_ms", "asked,1,2,36000000,",
	},
	{
		`{"kind":"funnel","range":{"from":"-7d"},"show":"window","windows":["1h","1d"],"compare":"previous","steps":[{"events":["buy"]},{"events":["buy"]}]}`,
		"period window entered converted dropped open conversion conversion_of_all kaplan_meier", "asked,1h,10,0,8,2,0,0,0",
	},
	{`{"kind":"retention","start":{"events":["buy"]},"range":{"from":"-2d"}}`, "span cohort partial size from to count rate state", "cohort,"},
	{`{"kind":"lifecycle","active":{"events":["buy"]},"range":{"from":"-2d"}}`, "bucket partial active new returning resurrecting dormant pulse", ""},
	{`{"kind":"lifecycle","active":{"events":["buy"]},"range":{"from":"-2d"},"breakdown":[{"property":"$user_id"}]}`, "breakdown_1 bucket partial active new returning resurrecting dormant pulse", "'=u"},
	{`{"kind":"stickiness","active":{"events":["buy"]},"range":{"from":"-2d"},"breakdown":[{"property":"$user_id"}]}`, "breakdown_1 window partial people intervals count rate", "'=u"},
	{`{"kind":"stickiness","active":{"events":["buy"]},"range":{"from":"-2d"}}`, "window partial people intervals count rate", ""},
	{`{"kind":"stickiness","mode":"ratio","active":{"events":["buy"]},"range":{"from":"-2d"}}`, "day partial active active_in_span ratio", ""},
	{
		`{"kind":"lifecycle","active":{"events":["buy"]},"range":{"from":"-2d"},"breakdown":[{"property":"$user_id"}],"breakdown_limit":2}`,
		"breakdown_1 bucket partial active new returning resurrecting dormant pulse", "'=u0,",
	},
	{
		`{"kind":"stickiness","active":{"events":["buy"]},"range":{"from":"-2d"},"breakdown":[{"property":"$user_id"}]}`,
		"breakdown_1 window partial people intervals count rate", "'=u0,",
	},
	{`{"kind":"sessions","range":{"from":"-2d"}}`, "span bucket partial sessions bounces bounce_rate events_per_session average_seconds median_seconds p90_seconds", "bucket,"},
	{
		`{"kind":"sessions","range":{"from":"-7d"},"measures":[{"events":["buy"]},{"events":["never"]}]}`,
		"span bucket partial sessions bounces bounce_rate events_per_session average_seconds median_seconds p90_seconds" +
			" measure_1_sessions measure_1_total measure_1_average measure_1_median measure_1_p90" +
			" measure_2_sessions measure_2_total measure_2_average measure_2_median measure_2_p90", "bucket,",
	},
	{
		`{"kind":"sessions","range":{"from":"-7d"},"show":"duration","breakdown":[{"property":"$event"}]}`,
		"breakdown_1 from_ms to_ms count all average_seconds median_seconds p90_seconds", "buy,0,",
	},
	{`{"kind":"paths","range":{"from":"-7d"}}`, "step from_sort from from_count to_sort to to_count count", "0,value,buy,"},
	{
		`{"kind":"paths","range":{"from":"-7d"},"breakdown":[{"property":"$event"}]}`,
		"breakdown_1 step from_sort from from_count to_sort to to_count count", "buy,0,value,buy,",
	},
}

func TestEveryKindIsATable(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 50)
	seen := map[string]bool{}
	for _, c := range kindTables {
		names, rows := w.table(c.question)
		if got := strings.Join(names, " "); got != c.columns {
			t.Errorf("%s: columns %s", c.question, got)
		}
		if len(rows) == 0 || !strings.HasPrefix(strings.Join(rows[0], ","), c.first) {
			t.Errorf("%s: rows %v", c.question, rows)
		}
		var head struct{ Kind string }
		must(t, json.Unmarshal([]byte(c.question), &head))
		seen[head.Kind] = true
	}
	for _, k := range kinds() {
		if !seen[k.name] {
			t.Errorf("no table of %s is tried", k.name)
		}
	}
}

// TestParquetIsWhatTheCSVIs reads the files of all kinds with DuckDB.
func TestParquetIsWhatTheCSVIs(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 50)
	db := duck(t)
	for i, c := range kindTables {
		path := filepath.Join(t.TempDir(), "a.parquet")
		got := w.ask("1 read", "POST", "/v1/query", c.question, "Accept", "application/vnd.apache.parquet")
		if got.Code != 200 || got.Header().Get("Content-Type") != "application/vnd.apache.parquet" || !strings.HasSuffix(got.Header().Get("Content-Disposition"), `.parquet"`) {
			t.Fatalf("%s: %d %v %s", c.question, got.Code, got.Header(), got.Body)
		}
		must(t, os.WriteFile(path, got.Body.Bytes(), 0o600))
		names, rows := w.table(c.question)
		columns, read := readParquet(t, db, path)
		if !slices.Equal(columns, names) {
			t.Errorf("%d: %v", i, columns)
		}
		for n, row := range read {
			for j, v := range row {
				if got := csvCell(v); n < len(rows) && got != rows[n][j] {
					t.Errorf("%s: row %d, %s: %s in Parquet, %s in CSV", c.question, n, columns[j], got, rows[n][j])
				}
			}
		}
		if len(read) != len(rows) || len(read) == 0 {
			t.Errorf("%d: %d rows, want %d", i, len(read), len(rows))
		}
		var notes int
		must(t, db.QueryRowContext(t.Context(), "select count(*) from parquet_kv_metadata('"+path+"') where decode(key) like 'freshet.%' and octet_length(value) > 0").Scan(&notes))
		if notes != 3 {
			t.Errorf("%d: %d notes", i, notes)
		}
	}
}

// readParquet has the names of the columns and the rows of a file.
func readParquet(t *testing.T, db *sql.DB, path string) (columns []string, out [][]any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "select * from read_parquet('"+path+"')")
	must(t, err)
	defer rows.Close()
	columns, err = rows.Columns()
	must(t, err)
	for rows.Next() {
		cells, at := make([]any, len(columns)), make([]any, len(columns))
		for j := range cells {
			at[j] = &cells[j]
		}
		must(t, rows.Scan(at...))
		out = append(out, cells)
	}
	must(t, rows.Err())
	return columns, out
}

func TestFormatsAreAgreedUpon(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	tags := map[string]string{}
	for _, c := range []struct{ query, accept, want string }{
		{"", "", asJSON},
		{"", "*/*", asJSON},
		{"", "text/html, image/*", asJSON},
		{"", "text/csv", asCSV},
		{"", "application/json;q=0.5, text/csv;q=0.9", asCSV},
		{"", "text/csv;q=0.1, application/json", asJSON},
		{"", "application/vnd.apache.parquet, */*;q=0.1", asParquet},
		{"?format=json", "text/csv", asJSON},
		{"?format=csv", "application/json", asCSV},
		{"?format=parquet", "", asParquet},
	} {
		got := w.ask("1 read", "POST", "/v1/query"+c.query, buys, "Accept", c.accept)
		media := map[string]string{asJSON: "application/json", asCSV: "text/csv; charset=utf-8; header=present", asParquet: "application/vnd.apache.parquet"}[c.want]
		if got.Code != 200 || got.Header().Get("Content-Type") != media || got.Header().Get("Vary") != "Accept" {
			t.Errorf("%+v: %d %v", c, got.Code, got.Header())
		}
		if old := tags[c.want]; old != "" && old != got.Header().Get("ETag") {
			t.Errorf("%s has two tags", c.want)
		}
		tags[c.want] = got.Header().Get("ETag")
		if c.want != asJSON && got.Header().Get("Freshet-Position") != "5" {
			t.Error(got.Header())
		}
		if again := w.ask("1 read", "POST", "/v1/query"+c.query, buys, "Accept", c.accept, "If-None-Match", tags[c.want]); again.Code != http.StatusNotModified {
			t.Errorf("%+v: %d", c, again.Code)
		}
	}
	if len(tags) != 3 || tags[asJSON] == tags[asCSV] || tags[asCSV] == tags[asParquet] {
		t.Error(tags)
	}
	if got := w.ask("1 read", "POST", "/v1/query?format=xlsx", buys); got.Code != 400 || got.problem().Field != "format" {
		t.Error(got.Code, got.Body)
	}
	if got := w.ask("1 read", "POST", "/v1/query", `{"kind":"horoscope"}`, "Accept", "text/csv"); got.Code != 400 || got.problem().Code != "unknown_word" {
		t.Error(got.Code, got.Body)
	}
	saved := "/v1/insights/" + w.save("1 admin", "", `{"name":"x","question":`+buys+`}`) + "/answer?format=csv"
	if got := w.ask("1 read", "GET", saved, ""); got.Code != 200 || !strings.HasPrefix(got.Body.String(), "series,label,") || got.Header().Get("Freshet-Cache") != "hit" {
		t.Error(got.Code, got.Body)
	}
}

func TestFormulasOfSpreadsheetsAreText(t *testing.T) {
	w := newWorld(t)
	texts := []string{`=HYPERLINK("x")`, "+1", "-1", "@a", "\tb", "c"}
	for _, text := range texts {
		w.put(1, "note", w.now.Add(-time.Hour), event.Property{Key: "note", Type: event.String, Str: text})
	}
	w.commit(1, len(texts))
	_, rows := w.table(`{"kind":"trends","range":{"from":"-7d"},"series":[{"events":["note"]}],"breakdown":[{"property":"note"}]}`)
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row[0]] = true
		if row[0] != "" && strings.ContainsAny(row[0][:1], "=+-@\t\r") {
			t.Errorf("%q is a formula", row[0])
		}
	}
	if !seen[`'=HYPERLINK("x")`] || !seen["'-1"] || !seen["c"] {
		t.Error(seen)
	}
}

// duck is a DuckDB of its own, to read files with.
func duck(t *testing.T) *sql.DB {
	t.Helper()
	connector, err := duckdb.NewConnector("", nil)
	must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}
