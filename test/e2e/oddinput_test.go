package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOddButGood sends what looks bad and is fine; everything comes back as it was sent.
func TestOddButGood(t *testing.T) {
	t.Parallel()
	s := start(t, "--store-flush-rows", "1000")
	odd := map[string]string{
		"big": `9007199254740993`, "bigger": `123456789012345678901234567890`, "negative": `-9007199254740993`,
		"select": `"a"`, "timestamp": `"b"`, `"; drop table events; --`: `"c"`, "seq": `1`, "person": `"d"`, "day": `2`, "overflow": `{"x":1}`,
		"event": `"f"`, "time": `"g"`, "rowid": `3`, "*": `4`, "a.b": `5`, "$country": `"h"`, "id": `6`, "ünï çödé 🙂": `"i"`, "p_1": `7`,
		"SELECT": `"j"`, "sELECT": `"k"`, "tiny": `5e-324`, "minus zero": `0`, "long": `"` + strings.Repeat("l", 100_000) + `"`,
		"sql": `"'); DROP TABLE events; --"`, "escapes": `"\"\\\n\t\u001b[31m"`, "empty": `""`, "yes": `true`, "no": `false`,
		"list": `[1,"two",[3,{"four":4}]]`, "object": `{"deep":{"deeper":[true],"\u0007\u007f\u001b\"":"\u0002\u007f"}}`, "time like": `"2026-04-01T12:00:00.000Z"`,
	}
	// Members of the context that nobody knows are kept, whatever their names.
	const context = `{"mood":"good","bell\u0007\u007f":{"\u001b[31m":"\u0001"},"app":{"version":"1.0"}}`
	body := `{"event":"odd","user_id":"u","id":"odd-1","context":` + context + `,"properties":{` + members(odd) + `}}`
	for name, b := range map[string][]byte{
		"plain": text(body), "with a BOM": text("\ufeff" + body), "gzip": gzipped(t, text(body)), "zstd": zstdCompressed(t, text(body)),
	} {
		header := []string{"Content-Type", "text/plain"}
		if name == "gzip" || name == "zstd" {
			header = append(header, "Content-Encoding", name)
		}
		if r, err := s.call(http.MethodPost, "/v1/events", s.write, b, header...); err != nil || r.status != http.StatusOK || !bytes.Contains(r.body, text(`"accepted":1`)) {
			t.Errorf("%s: %v %s", name, err, r)
		}
	}
	s.waitIdle()
	check := func(when string) {
		t.Helper()
		events := s.export("event=odd")
		if len(events) != 1 {
			t.Fatalf("%s: %d events, want one: four times the same id", when, len(events))
		}
		for k, want := range odd {
			if got := string(events[0].Properties[k]); !sameJSON(got, want) {
				t.Errorf("%s: property %q is %.100s, want %.100s", when, k, got, want)
			}
		}
		if got := string(events[0].Context); !strings.Contains(got, `"bell\u0007`) || !json.Valid([]byte(got)) {
			t.Errorf("%s: the context is %s", when, got)
		}
		if len(events[0].Properties) != len(odd) {
			t.Errorf("%s: %d properties, want %d", when, len(events[0].Properties), len(odd))
		}
	}
	check("in memory")
	s.stop()
	s.restart()
	check("on disk")
}

// members writes an object's members in an order of their own.
func members(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		name, _ := json.Marshal(k)
		out = append(out, string(name)+":"+m[k])
	}
	return strings.Join(out, ",")
}

// sameJSON compares values by their text as far as numbers go, so that none is rounded.
func sameJSON(a, b string) bool {
	read := func(s string) (v any, ok bool) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		return v, d.Decode(&v) == nil
	}
	x, ok1 := read(a)
	y, ok2 := read(b)
	return ok1 && ok2 && fmt.Sprint(x) == fmt.Sprint(y)
}

// TestManyProperties sends 20,000 property names: the first have columns, all can be asked for.
func TestManyProperties(t *testing.T) {
	t.Parallel()
	s := start(t, "--store-flush-rows", "1000", "--store-property-limit", "100")
	for i := range 25 {
		s.send("/v1/events", text(fmt.Sprintf(`{"event":"wide","user_id":"u%d","properties":{%s}}`, i, manyProperties(i*800, 800))))
	}
	check := func(when string) {
		t.Helper()
		for _, n := range []int{5, 1234, 19_999} {
			var a answer
			q := fmt.Sprintf(`{"kind":"trends","range":{"from":"-1d","to":"now"},"interval":"day","series":[{"id":"A","aggregate":"sum","property":"p%05d"}]}`, n)
			s.ask(http.MethodPost, "/v1/query", text(q), &a)
			if got := *a.Series[0].Total; got != float64(n) {
				t.Errorf("%s: the sum of p%05d is %v", when, n, got)
			}
		}
		properties := 0
		for _, e := range s.export("event=wide") {
			properties += len(e.Properties)
		}
		if properties != 20_000 {
			t.Errorf("%s: %d properties come back", when, properties)
		}
	}
	s.waitIdle()
	check("in memory")
	s.stop()
	s.restart()
	check("on disk")
	s.checkAlive("20,000 properties")
}

// TestLines sends lines of JSON of which one is bad.
func TestLines(t *testing.T) {
	t.Parallel()
	s := start(t)
	lines := strings.SplitAfter(string(manyEvents("line", 100)), "\n")
	lines[41] = "{\"event\":\"e\",\"user\n"
	r := s.send("/v1/events", text(strings.Join(lines, "")))
	var a struct {
		Accepted, Rejected int
		Results            []struct {
			Index        int
			Status, Code string
		}
	}
	if err := json.Unmarshal(r.body, &a); err != nil || a.Accepted != 99 || a.Rejected != 1 || len(a.Results) != 100 ||
		a.Results[41].Code != "malformed_json" || a.Results[41].Status != "rejected" {
		t.Errorf("%v %s", err, r)
	}
	s.waitIdle()
	if got := countIDs(s.export("")); got["line"] != 99 {
		t.Errorf("there are %v", got)
	}
	if c := s.ledger(); c != (counts{Accepted: 100, Stored: 99, Dead: 1}) {
		t.Errorf("ledger %+v", c)
	}
}

// TestSegmentTimes sends times that cannot be to Segment's door, which takes the event all the same: an SDK would drop
// it for good.
func TestSegmentTimes(t *testing.T) {
	t.Parallel()
	s := start(t)
	var batch []string
	for i, when := range []string{`"0000-01-01T00:00:00Z"`, `"99999-01-01T00:00:00Z"`, `"yesterday"`, `-1`, `1e300`, `{}`, `"9999-12-31T23:59:59Z"`} {
		batch = append(batch, fmt.Sprintf(`{"type":"track","event":"when","userId":"u","messageId":"w-%d","timestamp":%s}`, i, when))
	}
	r := s.send("/v1/batch", text(`{"batch":[`+strings.Join(batch, ",")+`]}`))
	s.waitVisible(r.position())
	events := s.export("event=when")
	if len(events) != len(batch) {
		t.Fatalf("%d events, want %d", len(events), len(batch))
	}
	for _, e := range events {
		if age := time.Since(e.Timestamp); age < 0 || age > time.Minute {
			t.Errorf("%s has the time %s, want that of receipt", e.ID, e.Timestamp)
		}
	}
}
