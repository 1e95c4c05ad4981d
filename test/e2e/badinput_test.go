package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// badRequest is an input that is refused as a whole. path is /v1/events when empty, key the write key when empty; "none"
// sends none.
type badRequest struct {
	name   string
	path   string
	key    string
	body   []byte
	header []string
	status int
	code   string
}

// badEvent is one event of a request that is accepted otherwise; with an empty code the event is taken.
type badEvent struct {
	name  string
	event string
	code  string
}

// checkAlive sends a good event and waits until it is visible: the pipeline goes on.
func (s *server) checkAlive(after string) {
	s.t.Helper()
	s.alive++
	r, err := s.call(http.MethodPost, "/v1/events", s.write, fmt.Appendf(nil, `{"event":"good","user_id":"u","id":"alive-%d"}`, s.alive))
	if err != nil || r.status != http.StatusOK {
		s.t.Fatalf("after %s: %v %s", after, err, r)
	}
	s.waitVisible(r.position())
}

func text(s string) []byte { return []byte(s) }

// list is a native body of n events.
func list(n int) []byte {
	one := `{"event":"e","user_id":"u"},`
	return []byte("[" + strings.TrimSuffix(strings.Repeat(one, n), ",") + "]")
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstdCompressed(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(b, nil)
}

// TestBadRequests sends what cannot be taken at all: each is refused with its own code, and never a 5xx.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s, other := start(t), start(t)
	one := text(`{"event":"e","user_id":"u"}`)
	_, read := s.createKey("read")
	id, revoked := s.createKey("write")
	if r, err := s.call(http.MethodDelete, fmt.Sprintf("/v1/keys/%d", id), s.admin, nil); err != nil || r.status >= 300 {
		t.Fatalf("revoke a key: %v %s", err, r)
	}
	typo := []byte(s.write)
	typo[10] ^= 1
	whole := gzipped(t, bytes.Repeat(one, 1000))
	const segment = "/v1/batch"
	for _, c := range []badRequest{
		{name: "no body", status: 400, code: "empty_body"},
		{name: "spaces only", body: text(" \n\t "), status: 400, code: "empty_body"},
		{name: "BOM only", body: text("\ufeff"), status: 400, code: "empty_body"},
		{name: "empty batch", body: text(`[]`), status: 400, code: "empty_batch"},
		{name: "empty batch in an object", body: text(`{"events":[]}`), status: 400, code: "empty_batch"},
		{name: "events is no array", body: text(`{"events":7}`), status: 400, code: "not_array"},
		{name: "null", body: text(`null`), status: 400, code: "not_object"},
		{name: "a number", body: text(`42`), status: 400, code: "not_object"},
		{name: "a string", body: text(`"hello"`), status: 400, code: "not_object"},
		{name: "cut JSON", body: text(`{"event":"e","user_`), status: 400, code: "malformed_json"},
		{name: "garbage behind", body: text(`{"event":"e","user_id":"u"} x`), status: 400, code: "trailing_data"},
		{name: "UTF-16", body: text("\xff\xfe{\x00}\x00"), status: 400, code: "malformed_json"},
		{name: "NaN", body: text(`{"event":"e","user_id":"u","properties":{"x":-}}`), status: 400, code: "malformed_json"},
		{name: "nesting of 100,000", body: text(`{"event":"e","user_id":"u","properties":{"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`), status: 400, code: "too_deep"},
		{name: "nesting of 100,000 never closed", body: text(strings.Repeat(`{"a":`, 100_000)), status: 400, code: "too_deep"},
		{name: "segment: cut JSON", path: segment, body: text(`{"batch":[{`), status: 400, code: "malformed_json"},
		{name: "segment: array", path: segment, body: text(`[{}]`), status: 400, code: "not_object"},
		{name: "segment: no batch", path: segment, body: text(`{"events":[]}`), status: 400, code: "no_batch"},
		{name: "segment: batch is no array", path: segment, body: text(`{"batch":{}}`), status: 400, code: "no_batch"},
		{name: "10,001 events", body: list(10_001), status: 413, code: "too_many_events"},
		{name: "segment: 10,001 events", path: segment, body: text(`{"batch":` + string(list(10_001)) + `}`), status: 413, code: "too_many_events"},
		{name: "16 million values", body: text("[" + strings.Repeat("0,", 16_000_000) + "0]"), status: 413, code: "too_many_values"},
		{name: "33 MB", body: bytes.Repeat(text(" "), 33<<20), status: 413, code: "body_too_large"},
		{name: "gzip cut", body: whole[:len(whole)/2], header: []string{"Content-Encoding", "gzip"}, status: 400, code: "bad_compression"},
		{name: "gzip with a wrong checksum", body: flipped(whole, len(whole)-8), header: []string{"Content-Encoding", "gzip"}, status: 400, code: "bad_compression"},
		{name: "gzip that is none", body: one, header: []string{"Content-Encoding", "gzip"}, status: 400, code: "bad_compression"},
		{name: "zstd that is none", body: one, header: []string{"Content-Encoding", "zstd"}, status: 400, code: "bad_compression"},
		{name: "zstd cut", body: zstdCompressed(t, bytes.Repeat(one, 1000))[:20], header: []string{"Content-Encoding", "zstd"}, status: 400, code: "bad_compression"},
		{name: "gzip in gzip", body: gzipped(t, gzipped(t, one)), header: []string{"Content-Encoding", "gzip"}, status: 400, code: "malformed_json"},
		{name: "unknown compression", body: one, header: []string{"Content-Encoding", "compress"}, status: 400, code: "unsupported_encoding"},
		{name: "brotli that is none", body: one, header: []string{"Content-Encoding", "br"}, status: 400, code: "bad_compression"},
		{name: "no key", key: "none", body: one, status: 401, code: "missing_key"},
		{name: "segment: no key", path: segment, key: "none", body: text(`{"batch":[]}`), status: 401, code: "missing_key"},
		{name: "nonsense for a key", key: "hello", body: one, status: 401, code: "malformed_key"},
		{name: "key with a typo", key: string(typo), body: one, status: 401, code: "malformed_key"},
		{name: "key of another server", key: other.write, body: one, status: 401, code: "unknown_key"},
		{name: "revoked key", key: revoked, body: one, status: 401, code: "revoked_key"},
		{name: "read key", key: read, body: one, status: 403, code: "wrong_key_kind"},
	} {
		key := s.write
		if c.key != "" {
			key = strings.TrimPrefix(c.key, "none")
		}
		path := "/v1/events"
		if c.path != "" {
			path = c.path
		}
		r, err := s.call(http.MethodPost, path, key, c.body, c.header...)
		if err != nil || r.status != c.status || r.code() != c.code {
			t.Errorf("%s: %v %s, want %d %s", c.name, err, r, c.status, c.code)
		}
		if got := r.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: content type %q", c.name, got)
		}
		if len(r.body) > 1000 || anyKey.Match(r.body) {
			t.Errorf("%s: the answer has %d bytes, or a key in it", c.name, len(r.body))
		}
		s.checkAlive(c.name)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
		if r, err := s.call(method, "/v1/events", s.write, one); err != nil || r.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %v %s", method, err, r)
		}
	}
	if c := s.ledger(); c.Stored != c.Accepted || c.Stored != int64(s.alive) {
		t.Errorf("ledger: %+v", c)
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x55
	return b
}

// createKey makes a key of project 1.
func (s *server) createKey(kind string) (id uint64, secret string) {
	s.t.Helper()
	var k struct {
		ID  uint64
		Key string
	}
	s.ask(http.MethodPost, "/v1/projects/1/keys", text(`{"kind":"`+kind+`"}`), &k)
	return k.ID, k.Key
}

// TestBadEvents sends requests with one bad event between two good ones: that one becomes a dead letter, with its bytes,
// and the good ones are stored.
func TestBadEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	with := func(property string) string { return `{"event":"e","user_id":"u","properties":{` + property + `}}` }
	dead := int64(0)
	for n, c := range []badEvent{
		{"no name", `{"user_id":"u"}`, "bad_event_name"},
		{"a name of spaces", `{"event":"  ","user_id":"u"}`, "bad_event_name"},
		{"a name of 600 bytes", `{"event":"` + strings.Repeat("n", 600) + `","user_id":"u"}`, "bad_event_name"},
		{"nobody's", `{"event":"e"}`, "missing_identity"},
		{"empty ids", `{"event":"e","user_id":"","anonymous_id":null}`, "missing_identity"},
		{"an id of 300 bytes", `{"event":"e","user_id":"u","id":"` + strings.Repeat("i", 300) + `"}`, "bad_event_id"},
		{"an unknown kind", `{"kind":"tracks","event":"e","user_id":"u"}`, "unknown_kind"},
		{"no object", `[1,2]`, "not_object"},
		{"invalid UTF-8", with("\"x\":\"a\xffb\""), "invalid_utf8"},
		{"invalid UTF-8 in a key", with("\"\xc3\x28\":1"), "invalid_utf8"},
		{"NUL escape", with(`"x":"a\u0000b"`), "nul_byte"},
		{"NUL escape deep inside", with(`"x":{"y":["\u0000"]}`), "nul_byte"},
		{"the name of the NUL escape", with(`"x":"\\u0000"`), ""},
		{"NUL escape in a key", with(`"a\u0000b":1`), "nul_byte"},
		{"10 MB of text", with(`"x":"` + strings.Repeat("x", 10<<20) + `"`), "event_too_large"},
		{"1e400", with(`"x":1e400`), "bad_number"},
		{"-1e400", with(`"x":-1e400`), "bad_number"},
		{"a million digits", with(`"x":` + strings.Repeat("9", 1_000_000)), "bad_number"},
		{"a property name of 600 bytes", with(`"` + strings.Repeat("k", 600) + `":1`), "bad_key"},
		{"nesting of 33", with(`"x":` + deep(31)), "too_deep"},
		{"nesting of 32", with(`"x":` + deep(30)), ""},
		{"1,001 properties", with(manyProperties(0, 1001)), "too_many_properties"},
		{"1,000 properties", with(manyProperties(0, 1000)), ""},
		{"year 0", `{"event":"e","user_id":"u","timestamp":"0000-01-01T00:00:00Z"}`, "bad_time"},
		{"year 99999", `{"event":"e","user_id":"u","timestamp":"99999-01-01T00:00:00Z"}`, "bad_time"},
		{"February 30", `{"event":"e","user_id":"u","timestamp":"2026-02-30T00:00:00Z"}`, "bad_time"},
		{"offset of 25 hours", `{"event":"e","user_id":"u","timestamp":"2026-02-03T00:00:00+25:00"}`, "bad_time"},
		{"leap second", `{"event":"e","user_id":"u","timestamp":"2016-12-31T23:59:60Z"}`, ""},
		{"year 9999", `{"event":"e","user_id":"u","timestamp":"9999-12-31T23:59:59Z"}`, ""},
		{"year 1", `{"event":"e","user_id":"u","timestamp":"0001-01-01T00:00:00Z"}`, ""},
		{"no JSON time", `{"event":"e","user_id":"u","timestamp":{}}`, "bad_time"},
		{"an unknown member", `{"event":"e","user_id":"u","frobnicate":[1]}`, ""},
		{"doubled keys", `{"event":"e","event":"f","user_id":"u","properties":{"x":1,"x":2}}`, "duplicate_key"},
		{"reserved name in capitals", `{"event":"e","user_id":"u","EVENT_ID":"x"}`, ""},
		{"prototype names", with(`"__proto__":{"a":1},"constructor":"c"`), ""},
		{"an empty property name", with(`"":1`), "bad_key"},
		{"a lone surrogate", with(`"x":"\ud800"`), "invalid_unicode"},
	} {
		good := func(i int) string { return fmt.Sprintf(`{"event":"good","user_id":"u","id":"g%d-%d"}`, n, i) }
		r := s.send("/v1/events", text("["+good(0)+","+c.event+","+good(1)+"]"))
		var a struct {
			Results []struct{ Status, Code string }
		}
		if err := json.Unmarshal(r.body, &a); err != nil || len(a.Results) != 3 {
			t.Errorf("%s: %v %s", c.name, err, r)
			continue
		}
		if got := a.Results[1]; got.Code != c.code || (got.Status == "accepted") != (c.code == "") {
			t.Errorf("%s: %+v, want %q", c.name, got, c.code)
		}
		if a.Results[0].Status != "accepted" || a.Results[2].Status != "accepted" {
			t.Errorf("%s: a good neighbour was not accepted: %s", c.name, r)
		}
		if a.Results[1].Status == "rejected" {
			dead++
		}
		s.checkAlive(c.name)
	}
	c := s.ledger()
	if c.Dead != dead || len(s.export("event=good&to=now")) == 0 {
		t.Errorf("%d dead letters were expected, the ledger says %+v", dead, c)
	}
	var letters struct {
		DeadLetters []struct{ Code, Reason, Body string } `json:"dead_letters"`
	}
	s.get("/v1/deadletters?limit=200", &letters)
	if int64(len(letters.DeadLetters)) != dead {
		t.Errorf("%d dead letters, want %d", len(letters.DeadLetters), dead)
	}
	for _, d := range letters.DeadLetters {
		if d.Reason == "" || d.Body == "" {
			t.Errorf("a dead letter %q without reason or bytes", d.Code)
		}
	}
	s.kill()
	s.restart()
	if again := s.ledger(); again != c {
		t.Errorf("ledger %+v, after a crash %+v", c, again)
	}
}

func manyProperties(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"p%05d":%d`, from+i, from+i)
	}
	return b.String()
}

// rss is the resident memory of the server, in bytes.
func (s *server) rss() int64 {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kb << 10
}
