package e2e_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The facts of the data, as its README has them.
var (
	shopEvents = map[string]float64{
		"catalog": 14518, "main": 5635, "cart": 2842, "product2": 2172, "delivery_choice": 1686, "product1": 1515,
		"payment_choice": 1107, "delivery_courier": 834, "payment_done": 706, "payment_card": 565, "delivery_pickup": 506,
		"payment_cash": 197,
	}
	shopClients       = map[string]float64{"main": 2385, "catalog": 3611, "cart": 1924, "delivery_choice": 1356, "payment_done": 653}
	shopMonths        = []float64{1652, 2333, 2689, 3237, 4197, 18175}
	shopMonthlyPeople = []float64{259, 351, 414, 481, 624, 2439}
	shopFunnels       = []struct {
		steps []string
		want  []int64
	}{
		{[]string{"catalog", "cart", "payment_done"}, []int64{3611, 1924, 653}},
		{[]string{"main", "catalog", "cart", "delivery_choice", "payment_done"}, []int64{2385, 2015, 1109, 807, 396}},
	}
)

const (
	shopRows   = 32_283
	shopPeople = 3_751
	shopFile   = "../data/onlineshop.csv.gz"
)

// answer is an answer to a trends question.
type answer struct {
	Buckets []struct{ Start string }
	Series  []struct {
		ID        string
		Breakdown []any
		Values    []*float64
		Total     *float64
	}
}

// shopQuestion asks about the whole shop by month.
func (s *server) shopQuestion(aggregate string, breakdown bool) (a answer) {
	s.t.Helper()
	q := map[string]any{
		"kind": "trends", "range": map[string]string{"from": "2019-11-01T00:00:00Z", "to": "2020-05-01T00:00:00Z"},
		"timezone": "UTC", "interval": "month", "series": []any{map[string]any{"id": "A", "aggregate": aggregate}},
	}
	if breakdown {
		q["breakdown"] = []any{map[string]string{"property": "$event"}}
	}
	body, err := json.Marshal(q)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ask("POST", "/v1/query", body, &a)
	return a
}

// checkShop compares every fact with the server's answers.
func (s *server) checkShop(when string) {
	s.t.Helper()
	s.checkFunnels(when)
	byName := func(aggregate string) map[string]float64 {
		out := map[string]float64{}
		for _, series := range s.shopQuestion(aggregate, true).Series {
			if len(series.Breakdown) != 1 || series.Total == nil {
				s.t.Fatalf("%s: a series %+v", when, series)
			}
			out[fmt.Sprint(series.Breakdown[0])] = *series.Total
		}
		return out
	}
	if got := byName("total"); !maps.Equal(got, shopEvents) {
		s.t.Errorf("%s: events per name %v", when, got)
	}
	unique := byName("unique")
	for name, want := range shopClients {
		if unique[name] != want {
			s.t.Errorf("%s: %v clients did %s, want %v", when, unique[name], name, want)
		}
	}
	for _, c := range []struct {
		aggregate string
		months    []float64
		total     float64
	}{{"total", shopMonths, shopRows}, {"unique", shopMonthlyPeople, shopPeople}} {
		a := s.shopQuestion(c.aggregate, false)
		if len(a.Series) != 1 {
			s.t.Fatalf("%s: %d series", when, len(a.Series))
		}
		var got []float64
		for _, v := range a.Series[0].Values {
			got = append(got, *v)
		}
		if !slices.Equal(got, c.months) || *a.Series[0].Total != c.total {
			s.t.Errorf("%s: %s by month %v, in all %v", when, c.aggregate, got, *a.Series[0].Total)
		}
		if len(a.Buckets) != 6 || !strings.HasPrefix(a.Buckets[0].Start, "2019-11-01T00:00:00") {
			s.t.Errorf("%s: buckets %v", when, a.Buckets)
		}
	}
}

// checkFunnels compares the known funnels with the server's answers.
func (s *server) checkFunnels(when string) {
	s.t.Helper()
	for _, f := range shopFunnels {
		var steps []any
		for _, name := range f.steps {
			steps = append(steps, map[string]any{"events": []string{name}})
		}
		body, err := json.Marshal(map[string]any{
			"kind": "funnel", "range": map[string]string{"from": "2019-11-01T00:00:00Z", "to": "2020-05-01T00:00:00Z"},
			"timezone": "UTC", "steps": steps, "window": "7d",
		})
		if err != nil {
			s.t.Fatal(err)
		}
		var a struct {
			Groups []struct {
				Entered, Converted, Dropped, Open int64
				Steps                             []struct{ Count int64 }
			}
		}
		s.ask("POST", "/v1/query", body, &a)
		if len(a.Groups) != 1 {
			s.t.Fatalf("%s: %d groups", when, len(a.Groups))
		}
		g := a.Groups[0]
		var got []int64
		for _, step := range g.Steps {
			got = append(got, step.Count)
		}
		last := f.want[len(f.want)-1]
		if !slices.Equal(got, f.want) || g.Entered != f.want[0] || g.Converted != last || g.Dropped != g.Entered-last || g.Open != 0 {
			s.t.Errorf("%s: the funnel %v has %+v, want %v", when, f.steps, g, f.want)
		}
	}
}

// importShop runs the real import command.
func (s *server) importShop() {
	s.t.Helper()
	out, errs, code := s.cli(s.write, "import", shopFile, "--json", "--read-key", s.admin)
	var r struct {
		Rows, Accepted, Rejected, Bad int64
		Mapping                       struct{ User string }
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		s.t.Fatalf("import: exit code %d, %v\n%s%s", code, err, out, errs)
	}
	if r.Rows != shopRows || r.Accepted != shopRows || r.Rejected != 0 || r.Bad != 0 || r.Mapping.User != "client_id" {
		s.t.Fatalf("import: %+v", r)
	}
}

// TestFacts imports a real shop's clickstream and wants every number right: fresh in memory, imported again, after a
// crash, on disk.
func TestFacts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.importShop()
	s.checkShop("imported")
	if c := s.ledger(); c != (counts{Accepted: shopRows, Stored: shopRows}) {
		t.Errorf("ledger after the import: %+v", c)
	}
	s.importShop()
	s.checkShop("imported again")
	twice := counts{Accepted: 2 * shopRows, Stored: shopRows, Duplicate: shopRows}
	if c := s.ledger(); c != twice {
		t.Errorf("ledger after the second import: %+v", c)
	}
	if n := s.status().Store.HotRows; n != shopRows {
		t.Errorf("%d rows are in memory, want all: the crash would prove nothing", n)
	}
	s.kill()
	s.restart()
	s.waitIdle()
	s.checkShop("after a crash")
	if c := s.ledger(); c != twice {
		t.Errorf("ledger after the crash: %+v", c)
	}
	s.stop()
	s.args = append(s.args, "--store-flush-rows", "1000")
	s.restart()
	s.waitIdle()
	if n := s.status().Store.HotRows; n != 0 {
		t.Errorf("%d rows are in memory after a stop", n)
	}
	s.checkShop("on disk")
}

// TestFactsOnDisk imports a part of the clients after the other and flushes each, so that every day is in several runs,
// and has days compacted.
func TestFactsOnDisk(t *testing.T) {
	t.Parallel()
	s := start(t, "--store-flush-rows", "1000")
	for _, part := range splitShop(t, 6) {
		if out, errs, code := s.cli(s.write, "import", part, "--read-key", s.admin); code != 0 {
			t.Fatalf("import: exit code %d\n%s%s", code, out, errs)
		}
		eventually(t, soon, "the part is flushed", func() bool { return s.status().Store.HotRows < 1000 })
	}
	s.checkShop("flushed")
	eventually(t, soon, "a day is compacted", func() bool { return s.metric("freshet_store_compacted_rows_total") > 0 })
	s.checkShop("while days are compacted")
	s.kill()
	s.restart()
	s.waitIdle()
	s.checkShop("after a crash")
	if c := s.ledger(); c != (counts{Accepted: shopRows, Stored: shopRows}) {
		t.Errorf("ledger: %+v", c)
	}
}

// splitShop writes n files with the rows of different clients. Rows that are the same stay together: their ids count
// them.
func splitShop(t *testing.T, n int) (paths []string) {
	t.Helper()
	f, err := os.Open(shopFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Scan()
	parts := make([]strings.Builder, n)
	for i := range parts {
		parts[i].WriteString(lines.Text() + "\n")
	}
	for lines.Scan() {
		client, _, _ := strings.Cut(lines.Text(), ",")
		id, err := strconv.Atoi(client)
		if err != nil {
			t.Fatal(err)
		}
		parts[id%n].WriteString(lines.Text() + "\n")
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		path := filepath.Join(t.TempDir(), "part.csv")
		if err := os.WriteFile(path, []byte(parts[i].String()), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}
