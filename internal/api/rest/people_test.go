package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/query"
)

const buyers = `{"kind":"trends","range":{"from":"-7d"},"series":[{"events":["buy"],"aggregate":"unique"}]}`

func peopleBody(question, cell, more string) string {
	return fmt.Sprintf(`{"question":%s,"cell":%s%s}`, question, cell, more)
}

// TestPagesOfPeople pages through a list while events arrive, and finds everybody once.
func TestPagesOfPeople(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 10)
	var seen []string
	cursor, pages := "", 0
	for {
		var page PeoplePage
		w.ask("1 read", "POST", "/v1/people", peopleBody(buyers, `{}`, fmt.Sprintf(`,"limit":3,"cursor":%q`, cursor))).json(&page)
		if page.Total != 10 || page.Watermark.Position == 0 {
			t.Fatalf("%+v", page)
		}
		for _, p := range page.People {
			if p.UserID == "" || p.Anonymous || p.Events == 0 || p.FirstSeen == nil || p.LastSeen.Before(*p.FirstSeen) {
				t.Errorf("%+v", p)
			}
			seen = append(seen, p.UserID)
		}
		if pages++; page.Next == "" {
			break
		}
		cursor = page.Next
		w.add(1, "buy", 2)
	}
	slices.Sort(seen)
	if pages != 4 || len(seen) != 10 || len(slices.Compact(seen)) != 10 {
		t.Errorf("%d pages have %v", pages, seen)
	}
	got := w.ask("1 read", "POST", "/v1/people", peopleBody(buyers, `{"bucket":"2026-04-15T00:00:00Z"}`, fmt.Sprintf(`,"cursor":%q`, cursor)))
	if p := got.problem(); got.Code != http.StatusBadRequest || p.Code != "bad_cursor" || p.Field != "cursor" {
		t.Errorf("a cursor of another cell: %d %s", got.Code, got.Body)
	}
}

// TestPeopleAreKept: the list is worked out once for one version of the data.
func TestPeopleAreKept(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	size := func() int {
		var page PeoplePage
		w.ask("1 read", "POST", "/v1/people", peopleBody(buyers, `{}`, "")).json(&page)
		return page.Total
	}
	if n := size(); n != 5 {
		t.Fatal(n)
	}
	version, _ := w.api.opts.Engine.Version(1)
	s := query.Scope{Project: 1, Zone: time.UTC, WeekStart: time.Monday, SessionGap: 30 * time.Minute}
	a, err := w.api.behind([]byte(buyers), []byte(`{}`), s)
	must(t, err)
	if data, ok := w.api.opts.Cache.Get(t.Context(), cacheKey(s, version, a.Key())+"|people|{}"); !ok || len(numbers(data)) != 5 {
		t.Errorf("the cache has %v", numbers(data))
	}
	if n := size(); n != 5 {
		t.Fatal(n)
	}
	w.add(1, "buy", 3)
	if n := size(); n != 8 {
		t.Fatalf("%d people, of 8", n)
	}
}

func TestExportOfPeople(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	got := w.ask("1 read", "POST", "/v1/people/export", peopleBody(buyers, `{}`, ""))
	lines := strings.Split(strings.TrimSpace(got.Body.String()), "\n")
	if got.Code != http.StatusOK || len(lines) != 4 || !strings.HasPrefix(lines[0], "person,user_id,") ||
		!strings.Contains(got.Header().Get("Content-Disposition"), "people") {
		t.Fatalf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	for _, l := range lines[1:] {
		if fields := strings.Split(l, ","); !strings.HasPrefix(fields[1], "'=u") {
			t.Errorf("a spreadsheet would take %q for a formula", fields[1])
		}
	}
	got = w.ask("1 read", "POST", "/v1/people/export?format=ndjson", peopleBody(buyers, `{}`, ""))
	for line := range strings.Lines(got.Body.String()) {
		var p struct {
			UserID string `json:"user_id"`
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil || !strings.HasPrefix(p.UserID, "=u") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if n := strings.Count(got.Body.String(), "\n"); n != 3 {
		t.Errorf("%d lines", n)
	}
}

// TestPeopleAsParquet reads the file with DuckDB: as many people as the CSV has, with types.
func TestPeopleAsParquet(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	got := w.ask("1 read", "POST", "/v1/people/export?format=parquet", peopleBody(buyers, `{}`, ""))
	if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/vnd.apache.parquet" ||
		!strings.HasSuffix(got.Header().Get("Content-Disposition"), `.parquet"`) {
		t.Fatalf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	path := filepath.Join(t.TempDir(), "people.parquet")
	must(t, os.WriteFile(path, got.Body.Bytes(), 0o600))
	columns, rows := readParquet(t, duck(t), path)
	if !slices.Equal(columns, personColumns) || len(rows) != 3 {
		t.Fatalf("%v of %v", rows, columns)
	}
	for _, row := range rows {
		id, named := row[1].(string)
		_, seen := row[5].(time.Time)
		_, events := row[6].(int64)
		if !named || !strings.HasPrefix(id, "=u") || !seen || !events || row[3] != false {
			t.Errorf("%v", row)
		}
	}
	if none := w.ask("1 read", "POST", "/v1/people/export?format=parquet", peopleBody(`{"series":[{"events":["never"]}]}`, `{}`, "")); none.Code != http.StatusOK {
		t.Fatalf("nobody: %d %s", none.Code, none.Body)
	} else {
		must(t, os.WriteFile(path, none.Body.Bytes(), 0o600))
		if columns, rows := readParquet(t, duck(t), path); len(columns) != len(personColumns) || len(rows) != 0 {
			t.Errorf("nobody: %v of %v", rows, columns)
		}
	}
}

func TestBadCells(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 5)
	const (
		funnel    = `{"kind":"funnel","steps":[{"events":["buy"]},{"events":["buy"]}]}`
		retention = `{"kind":"retention","start":{"events":["buy"]},"range":{"from":"-7d"}}`
		formula   = `{"series":[{"events":["buy"]}],"formulas":[{"expression":"A/2"}]}`
	)
	for _, c := range []struct{ question, cell, code, field string }{
		{buyers, `{"step":1}`, "unknown_field", "cell.step"},
		{buyers, `{"bucket":7}`, "wrong_type", "cell.bucket"},
		{`{"kind":"paths"}`, `{"node":{"label":1}}`, "wrong_type", "cell.node"},
		{buyers, `{"compare":"yes"}`, "wrong_type", "cell.compare"},
		{buyers, `{"compare":true}`, "unknown_cell", "cell.compare"},
		{buyers, `{"bucket":"2026-04-15T01:00:00Z"}`, "unknown_cell", "cell.bucket"},
		{buyers, `{"series":"Q"}`, "unknown_cell", "cell.series"},
		{buyers, `{"breakdown":["DE"]}`, "unknown_cell", "cell.breakdown"},
		{buyers, `[]`, "wrong_type", "cell"},
		{formula, `{"series":"F1"}`, "unknown_cell", "cell.series"},
		{`{"series":[{"aggregate":"mau"}]}`, `{}`, "unknown_cell", "cell.bucket"},
		{`{"series":[{"aggregate":"sum"}]}`, `{}`, "missing_property", "question.series[0].property"},
		{`{"kind":"astrology"}`, `{}`, "unknown_word", "question.kind"},
		{funnel, `{"state":"lost"}`, "unknown_word", "cell.state"},
		{funnel, `{"step":3}`, "unknown_cell", "cell.step"},
		{funnel, `{"step":2,"state":"stopped_here"}`, "unknown_cell", "cell.step"},
		{funnel, `{"window":"1h"}`, "unknown_cell", "cell.window"},
		{funnel, `{"bin":0}`, "unknown_cell", "cell.bin"},
		{retention, `{"column":99}`, "unknown_cell", "cell.column"},
		{retention, `{"cohort":"2026-04-15T00:00:00Z","column":99}`, "unknown_cell", "cell.column"},
		{retention, `{"returned":false}`, "missing_field", "cell.column"},
		{`{"kind":"lifecycle"}`, `{}`, "missing_field", "cell.bucket"},
		{`{"kind":"lifecycle"}`, `{"bucket":"2026-04-15T00:00:00Z","state":"dormant"}`, "unknown_cell", "cell.state"},
		{`{"kind":"stickiness"}`, `{"intervals":99}`, "unknown_cell", "cell.intervals"},
		{`{"kind":"stickiness","mode":"ratio"}`, `{}`, "missing_field", "cell.day"},
		{`{"kind":"paths"}`, `{"step":9}`, "unknown_cell", "cell.step"},
		{`{"kind":"paths"}`, `{"next":{"value":"buy"}}`, "missing_field", "cell.node"},
		{`{"kind":"paths"}`, `{"node":{"value":"never"}}`, "unknown_cell", "cell.node.value"},
		{`{"kind":"sessions"}`, `{"bucket":"2020-01-01T00:00:00Z"}`, "unknown_cell", "cell.bucket"},
		{`{"kind":"sessions"}`, `{"measure":0}`, "unknown_cell", "cell.measure"},
		{`{"kind":"sessions"}`, `{"bin":0}`, "unknown_cell", "cell.bin"},
	} {
		got := w.ask("1 read", "POST", "/v1/people", peopleBody(c.question, c.cell, ""))
		if p := got.problem(); got.Code != http.StatusBadRequest || p.Code != c.code || p.Field != c.field {
			t.Errorf("%s %s: %d %+v", c.question, c.cell, got.Code, p)
		}
	}
	for body, field := range map[string]string{
		`{"question":{"series":[{}]}}`: "cell", `{"cell":{}}`: "question",
		peopleBody(buyers, `{}`, `,"limit":1001`): "limit", peopleBody(buyers, `{"bucket":1,"bucket":2}`, ""): "cell.bucket",
	} {
		if got := w.ask("1 read", "POST", "/v1/people", body); got.Code != http.StatusBadRequest || got.problem().Field != field {
			t.Errorf("%s: %d %s", body, got.Code, got.Body)
		}
	}
	if n := len(cells()); n != len(kinds()) {
		t.Errorf("%d kinds of cells for %d kinds of questions", n, len(kinds()))
	}
}

// TestExplain: one of the buyers converts with a longer window, and the answer says with which.
func TestExplain(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 20)
	var page PeoplePage
	const slow = `{"kind":"funnel","range":{"from":"-7d"},"window":"2h","steps":[{"events":["buy"]},{"events":["buy"]}]}`
	w.ask("1 read", "POST", "/v1/people", peopleBody(slow, `{"state":"dropped"}`, "")).json(&page)
	if page.Total != 7 {
		t.Fatalf("%+v", page)
	}
	var x query.Explanation
	w.ask("1 read", "POST", "/v1/people/explain", peopleBody(slow, `{"state":"converted"}`, fmt.Sprintf(`,"person":%q`, page.People[0].Person))).json(&x)
	// Everybody bought again after ten hours; three of ten may still do so within two.
	if x.In || x.Reason != query.ReasonWindow || x.Nearest == nil || x.Nearest.Parameter != "window" || x.Nearest.Value != "10h" || len(x.Events) != 2 {
		t.Errorf("%+v %+v", x, x.Nearest)
	}
	got := w.ask("1 read", "POST", "/v1/people/explain", peopleBody(slow, `{}`, `,"person":"ann"`))
	if p := got.problem(); got.Code != http.StatusBadRequest || p.Code != "bad_person" || p.Field != "person" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
