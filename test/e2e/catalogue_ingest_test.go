package e2e_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

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

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x55
	return b
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

// gzipOfZeros is gzip that decompresses to n zeros, made by repeating a piece of it; its checksum is wrong, which a
// reader sees only at the end.
func gzipOfZeros(t testing.TB, n int) []byte {
	t.Helper()
	const piece = 1 << 20
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	ends := [2]int{}
	for i := range ends {
		if _, err := w.Write(make([]byte, piece)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		ends[i] = out.Len()
	}
	// The second piece refers to zeros before it only, so it can follow itself.
	again := out.Bytes()[ends[0]:ends[1]]
	bomb := append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}, out.Bytes()[:ends[0]]...)
	return append(bomb, bytes.Repeat(again, n/piece)...)
}

// bodyInputs are bodies that are refused, or taken, as a whole.
func bodyInputs(t testing.TB) []input {
	one := text(`{"event":"e","user_id":"u"}`)
	whole := gzipped(t, bytes.Repeat(one, 1000))
	lines := strings.SplitAfter(string(manyEvents("bad-input-line", 100)), "\n")
	lines[41] = "{\"event\":\"e\",\"user\n"
	const segment = "/v1/batch"
	gzipHeader, zstdHeader := []string{"Content-Encoding", "gzip"}, []string{"Content-Encoding", "zstd"}
	compressed := func(id, what, answer string, body []byte, header []string) input {
		return request(id, what, answer, body, header...)
	}
	return []input{
		request("I01", "no body", refused(400, "empty_body"), nil),
		request("I01", "white space only", refused(400, "empty_body"), text(" \n\t ")),
		request("I01", "a byte order mark only", refused(400, "empty_body"), text("\ufeff")),
		request("I02", "an empty batch", refused(400, "empty_batch"), text(`[]`)),
		request("I02", "an empty batch in an object", refused(400, "empty_batch"), text(`{"events":[]}`)),
		request("I03", "null", refused(400, "not_object"), text(`null`)),
		request("I03", "a number", refused(400, "not_object"), text(`42`)),
		request("I03", "a string", refused(400, "not_object"), text(`"hello"`)),
		request("I03", "`events` that is no array", refused(400, "not_array"), text(`{"events":7}`)),
		requestTo("I03", "Segment: an array for the batch's object", refused(400, "not_object"), segment, text(`[{}]`)),
		requestTo("I03", "Segment: no batch", refused(400, "no_batch"), segment, text(`{"events":[]}`)),
		requestTo("I03", "Segment: a batch that is no array", refused(400, "no_batch"), segment, text(`{"batch":{}}`)),
		request("I04", "JSON cut short", refused(400, "malformed_json"), text(`{"event":"e","user_`)),
		requestTo("I04", "Segment: JSON cut short", refused(400, "malformed_json"), segment, text(`{"batch":[{`)),
		request("I05", "garbage behind the JSON", refused(400, "trailing_data"), text(`{"event":"e","user_id":"u"} x`)),
		request("I06", "100 lines of JSON, one of them bad", dead("malformed_json"), text(strings.Join(lines, ""))),
		request("I07", "a byte order mark in front", accepted, text("\ufeff"+`{"event":"e","user_id":"u"}`)),
		request("I08", "UTF-16", refused(400, "malformed_json"), text("\xff\xfe{\x00}\x00")),
		request("I14", "nesting of 100,000", refused(400, "too_deep"),
			text(`{"event":"e","user_id":"u","properties":{"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}}`)),
		request("I14", "nesting of 100,000, never closed", refused(400, "too_deep"), text(strings.Repeat(`{"a":`, 100_000))),
		request("I22", "10,001 events", refused(413, "too_many_events"), list(10_001)),
		requestTo("I22", "Segment: 10,001 events", refused(413, "too_many_events"), segment, text(`{"batch":`+string(list(10_001))+`}`)),
		request("I23", "33 MB", refused(413, "body_too_large"), bytes.Repeat(text(" "), 33<<20)),
		request("I23", "32 MB of 16 million numbers", refused(413, "too_many_values"), text("["+strings.Repeat("0,", 16_000_000)+"0]")),
		compressed("I25", "gzip of 10 GB", refused(413, "body_too_large"), gzipOfZeros(t, 10<<30), gzipHeader),
		compressed("I25", "zstd of 10 GB", refused(413, "body_too_large"), bytes.Repeat(zstdCompressed(t, make([]byte, 64<<20)), 160), zstdHeader),
		compressed("I25", "gzip of 16 million numbers", refused(413, "too_many_values"), gzipped(t, text("["+strings.Repeat("0,", 16_000_000)+"0]")), gzipHeader),
		compressed("I26", "gzip in gzip", refused(400, "malformed_json"), gzipped(t, gzipped(t, one)), gzipHeader),
		compressed("I27", "100 MB in 100 gzip members", refused(413, "body_too_large"), bytes.Repeat(gzipped(t, make([]byte, 1<<20)), 100), gzipHeader),
		compressed("I28", "gzip cut short", refused(400, "bad_compression"), whole[:len(whole)/2], gzipHeader),
		compressed("I28", "gzip with a wrong checksum", refused(400, "bad_compression"), flipped(whole, len(whole)-8), gzipHeader),
		compressed("I28", "zstd cut short", refused(400, "bad_compression"), zstdCompressed(t, bytes.Repeat(one, 1000))[:20], zstdHeader),
		compressed("I29", "zstd that wants a window of 2 GiB", refused(400, "bad_compression"), text("\x28\xb5\x2f\xfd\x00\xa8\x03\x00\x00{}"), zstdHeader),
		compressed("I29", "zstd that wants a dictionary", refused(400, "bad_compression"), text("\x28\xb5\x2f\xfd\x01\x58\x07\x11\x00\x00{}"), zstdHeader),
		request("I30", "an encoding that is unknown", refused(400, "unsupported_encoding"), one, "Content-Encoding", "compress"),
		request("I30", "two encodings", refused(400, "unsupported_encoding"), whole, "Content-Encoding", "gzip, gzip"),
		compressed("I31", "plain, said to be gzip", refused(400, "bad_compression"), one, gzipHeader),
		compressed("I31", "plain, said to be zstd", refused(400, "bad_compression"), one, zstdHeader),
		request("I31", "plain, said to be brotli", refused(400, "bad_compression"), one, "Content-Encoding", "br"),
		request("I31", "gzip that is not told", accepted, gzipped(t, one)),
		request("I31", "10 GB of gzip that is not told", refused(413, "body_too_large"), gzipOfZeros(t, 10<<30)),
		request("I32", "`text/plain`", accepted, one, "Content-Type", "text/plain"),
		request("I32", "a content type that is nonsense", accepted, one, "Content-Type", "a/b; =;"),
	}
}

// eventInputs are single events between good ones.
func eventInputs() []input {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	with := func(property string) string { return `{"event":"e","user_id":"u","properties":{` + property + `}}` }
	at := func(when string) string { return `{"event":"e","user_id":"u","timestamp":` + when + `}` }
	e := eventInput
	return []input{
		e("I03", "an event that is no object", dead("not_object"), `[1,2]`),
		e("I09", "bytes that are not UTF-8", dead("invalid_utf8"), with("\"x\":\"a\xffb\"")),
		e("I09", "bytes that are not UTF-8 in a name", dead("invalid_utf8"), with("\"\xc3\x28\":1")),
		e("I10", "half a surrogate pair", dead("invalid_unicode"), with(`"x":"\ud800"`)),
		e("I10", "a surrogate pair the wrong way round", dead("invalid_unicode"), with(`"x":"\udc00\ud800"`)),
		e("I11", "NUL as an escape", dead("nul_byte"), with(`"x":"a\u0000b"`)),
		e("I11", "NUL as a byte", dead("nul_byte"), with("\"x\":\"a\x00b\"")),
		e("I11", "NUL deep inside", dead("nul_byte"), with(`"x":{"y":["\u0000"]}`)),
		e("I11", "NUL in a name", dead("nul_byte"), with(`"a\u0000b":1`)),
		e("I11", "the six characters of the escape for NUL", accepted, with(`"x":"\\u0000"`)),
		e("I12", "a name twice in the event", dead("duplicate_key"), `{"event":"e","event":"f","user_id":"u"}`),
		e("I12", "a name twice in the properties", dead("duplicate_key"), with(`"x":1,"x":2`)),
		e("I12", "a name twice deep inside", dead("duplicate_key"), with(`"x":[{"y":1,"y":1}]`)),
		e("I12", "a name twice, once as an escape", dead("duplicate_key"), with(`"x":1,"\u0078":2`)),
		e("I13", "the name of a field in capitals", accepted, `{"event":"e","user_id":"u","EVENT_ID":"x"}`),
		e("I14", "nesting of 33", dead("too_deep"), with(`"x":`+deep(31))),
		e("I14", "nesting of 32", accepted, with(`"x":`+deep(30))),
		e("I15", "10,000 properties", dead("too_many_properties"), with(manyProperties(0, 10_000))),
		e("I15", "1,001 properties", dead("too_many_properties"), with(manyProperties(0, 1001))),
		e("I15", "1,000 properties", accepted, with(manyProperties(0, 1000))),
		e("I16", "a property name of 513 bytes", dead("bad_key"), with(`"`+strings.Repeat("k", 513)+`":1`)),
		e("I16", "a property name of 512 bytes", accepted, with(`"`+strings.Repeat("k", 512)+`":1`)),
		e("I16", "a property without a name", dead("bad_key"), with(`"":1`)),
		e("I16", "`__proto__` and `constructor`", accepted, with(`"__proto__":{"a":1},"constructor":"c"`)),
		e("I18", "1e400", dead("bad_number"), with(`"x":1e400`)),
		e("I18", "-1e400", dead("bad_number"), with(`"x":-1e400`)),
		e("I18", "1e400 deep inside", dead("bad_number"), with(`"x":[[1e400]]`)),
		e("I18", "NaN", dead("bad_number"), with(`"x":NaN`)),
		e("I18", "Infinity", refused(400, "malformed_json"), with(`"x":Infinity`)),
		e("I18", "a sign without digits", refused(400, "malformed_json"), with(`"x":-`)),
		e("I18", "leading zeros", dead("bad_number"), with(`"x":0042`)),
		e("I18", "hexadecimal", refused(400, "malformed_json"), with(`"x":0x10`)),
		e("I19", "a number of a million digits", dead("bad_number"), with(`"x":`+strings.Repeat("9", 1_000_000))),
		e("I20", "a text of 20 KiB", accepted, with(`"x":"`+strings.Repeat("x", 20<<10)+`"`)),
		e("I21", "an event of 10 MB", dead("event_too_large"), with(`"x":"`+strings.Repeat("x", 10<<20)+`"`)),
		e("I45", "no name", dead("bad_event_name"), `{"user_id":"u"}`),
		e("I45", "a name of spaces", dead("bad_event_name"), `{"event":"  ","user_id":"u"}`),
		e("I45", "a name of 600 bytes", dead("bad_event_name"), `{"event":"`+strings.Repeat("n", 600)+`","user_id":"u"}`),
		e("I45", "an unknown kind", dead("unknown_kind"), `{"kind":"tracks","event":"e","user_id":"u"}`),
		e("I45", "an unknown member", accepted, `{"event":"e","user_id":"u","frobnicate":[1]}`),
		e("I47", "an id of 300 bytes", dead("bad_event_id"), `{"event":"e","user_id":"u","id":"`+strings.Repeat("i", 300)+`"}`),
		e("I47", "an id that is no UUID", accepted, `{"event":"e","user_id":"u","id":"bad-input/47: x"}`),
		e("I52", "nobody's event", dead("missing_identity"), `{"event":"e"}`),
		e("I52", "empty ids", dead("missing_identity"), `{"event":"e","user_id":"","anonymous_id":null}`),
		e("I52", "the user `00000000-0000-0000-0000-000000000000`", accepted, `{"event":"e","user_id":"00000000-0000-0000-0000-000000000000"}`),
		e("I52", "the user `[object Object]`", accepted, `{"event":"e","user_id":"[object Object]"}`),
		e("I54", "the time 0", dead("bad_time"), at(`0`)),
		e("I54", "the time -1", dead("bad_time"), at(`-1`)),
		e("I54", "the time 10^18", accepted, at(`1000000000000000000`)),
		e("I54", "year 1", accepted, at(`"0001-01-01T00:00:00Z"`)),
		e("I54", "year 9999", accepted, at(`"9999-12-31T23:59:59Z"`)),
		e("I54", "year 0", dead("bad_time"), at(`"0000-01-01T00:00:00Z"`)),
		e("I54", "year 99999", dead("bad_time"), at(`"99999-01-01T00:00:00Z"`)),
		e("I56", "40 days late", accepted, at(`"`+time.Now().AddDate(0, 0, -40).UTC().Format(time.RFC3339)+`"`)),
		e("I57", "sent years before it happened", accepted, `{"event":"e","user_id":"u","timestamp":"2026-01-02T00:00:00Z","sent_at":"2001-01-01T00:00:00Z"}`),
		e("I58", "February 30", dead("bad_time"), at(`"2026-02-30T00:00:00Z"`)),
		e("I58", "25 hours off UTC", dead("bad_time"), at(`"2026-02-03T00:00:00+25:00"`)),
		e("I58", "a leap second", accepted, at(`"2016-12-31T23:59:60Z"`)),
		e("I58", "a time that is an object", dead("bad_time"), at(`{}`)),
		e("I59", "a property that was a number as a text", accepted, with(`"amount":"five"`)),
		e("I59", "a property that was a number as an object", accepted, with(`"amount":{"a":[1]}`)),
		e("I61", "the server's own words as names", accepted, `{"event":"e","user_id":"u","project":99,"received_at":1,"properties":{"$tenant":9,"received_at":"x"}}`),
		e("I63", "an event name with characters that turn the text round", accepted, `{"event":"e\u202egnp.exe\u200b","user_id":"u"}`),
	}
}

// repeat is what is sent several times and must be stored once.
func repeat(id, what string, bodies [2]string, header ...string) input {
	return input{id: id, what: what, answer: once, try: func(c *catalogue) string {
		var both sync.WaitGroup
		var position [2]uint64
		var failed [2]string
		for i, body := range bodies {
			both.Go(func() {
				r, err := c.call(http.MethodPost, "/v1/events", c.write, text(body), header...)
				if position[i] = r.position(); err != nil || r.status != http.StatusOK {
					failed[i] = c.tell(r, err)
				}
			})
		}
		both.Wait()
		if failed[0]+failed[1] != "" {
			return failed[0] + failed[1]
		}
		c.waitVisible(max(position[0], position[1]))
		_, name, _ := strings.Cut(bodies[0], `"event":"`)
		name, _, _ = strings.Cut(name, `"`)
		if n := len(c.export("event=" + name)); n != 1 {
			return fmt.Sprintf("200, stored %d times", n)
		}
		return once
	}}
}

// conflict is repeat of an event that comes again as another one.
func conflict(id, what string, bodies [2]string) input {
	in := repeat(id, what, bodies)
	send := in.try
	in.answer = once + ", the other is the dead letter `id_conflict`"
	in.try = func(c *catalogue) string {
		letters := func() int {
			var page struct {
				DeadLetters []struct{} `json:"dead_letters"`
			}
			c.get("/v1/deadletters?limit=200&code=id_conflict", &page)
			return len(page.DeadLetters)
		}
		before := letters()
		if got := send(c); got != once {
			return got
		}
		if n := letters() - before; n != 1 {
			return fmt.Sprintf("%s, %d dead letters", once, n)
		}
		return in.answer
	}
	return in
}

func repeatInputs() []input {
	one := func(id string) string { return `{"event":"repeat-` + id + `","user_id":"u","id":"repeat-` + id + `"}` }
	return []input{
		repeat("I46", "twice the same event without an id", [2]string{`{"event":"repeat-i46","user_id":"u"}`, `{"event":"repeat-i46","user_id":"u"}`}),
		repeat("I48", "the same batch on two connections at once", [2]string{one("i48"), one("i48")}),
		repeat("I49", "an id twice in a batch", [2]string{"[" + one("i49") + "," + one("i49") + "]", one("i49")}),
		conflict("I50", "an id again with another body", [2]string{one("i50"), strings.Replace(one("i50"), `"u"`, `"v"`, 1)}),
		conflict("I50", "an id again with another property", [2]string{
			`{"event":"repeat-i50-paid","user_id":"u","id":"i50-paid","properties":{"amount":12}}`,
			`{"event":"repeat-i50-paid","user_id":"u","id":"i50-paid","properties":{"amount":21}}`,
		}),
		repeat("I50", "an id again with its properties in another order and another time", [2]string{
			`{"event":"repeat-i50-order","user_id":"x","id":"i50-order","timestamp":"2026-01-01T00:00:00Z","properties":{"a":1,"b":{"c":2,"d":[3]}}}`,
			`{"event":"repeat-i50-order","user_id":"x","id":"i50-order","properties":{"b":{"d":[3],"c":2},"a":1}}`,
		}),
		repeat("I51", "an Idempotency-Key again with another body",
			[2]string{`{"event":"repeat-i51","user_id":"u"}`, `{"event":"repeat-i51","user_id":"v"}`}, "Idempotency-Key", "bad-input-51"),
		{id: "I56", what: "26 hours in the future", answer: "200, has the time of receipt and the flag `future`", try: func(c *catalogue) string {
			when := time.Now().Add(26 * time.Hour).UTC().Format(time.RFC3339)
			r := c.send("/v1/events", text(`{"event":"future","user_id":"u","id":"future-1","timestamp":"`+when+`"}`))
			c.waitVisible(r.position())
			events := c.export("event=future")
			if len(events) != 1 || time.Since(events[0].Timestamp).Abs() > time.Minute || fmt.Sprint(events[0].Flags) != "[future]" {
				return fmt.Sprintf("%+v", events)
			}
			return "200, has the time of receipt and the flag `future`"
		}},
	}
}

// keyInputs are keys that are none, or not good enough.
func keyInputs() []input {
	one := text(`{"event":"e","user_id":"u"}`)
	with := func(id, what, answer string, key func(c *catalogue) string) input {
		return input{id: id, what: what, answer: answer, try: func(c *catalogue) string {
			return c.results(c.call(http.MethodPost, "/v1/events", key(c), one))
		}}
	}
	return []input{
		with("I40", "no key", refused(401, "missing_key"), func(*catalogue) string { return "" }),
		requestTo("I40", "Segment: no key", refused(401, "missing_key"), "/v1/batch", text(`{"batch":[]}`), "Authorization", "none"),
		with("I40", "nonsense for a key", refused(401, "malformed_key"), func(*catalogue) string { return "hello" }),
		with("I40", "a key with a typo", refused(401, "malformed_key"), func(c *catalogue) string { return string(flipKey(c.write)) }),
		with("I40", "a key of another server", refused(401, "unknown_key"), func(c *catalogue) string { return c.foreign }),
		with("I42", "a revoked key", refused(401, "revoked_key"), func(c *catalogue) string {
			id, key := c.createKey("write")
			if r, err := c.call(http.MethodDelete, fmt.Sprintf("/v1/keys/%d", id), c.admin, nil); err != nil || r.status >= 300 {
				c.t.Fatalf("revoke a key: %v %s", err, r)
			}
			return key
		}),
		with("I43", "a read key", refused(403, "wrong_key_kind"), func(c *catalogue) string { return c.read }),
		with("I43", "an admin key", accepted, func(c *catalogue) string { return c.admin }),
		requestTo("I44", "Segment: another key in the body: that of the header counts", "200", "/v1/batch",
			text(`{"writeKey":"hello","batch":[{"type":"track","event":"e","userId":"u"}]}`)),
		request("I64", "an X-Forwarded-For of 100 hops, of nobody trusted", accepted, one, "X-Forwarded-For", strings.Repeat("1.2.3.4, ", 99)+"fe80::1%eth0"),
		request("I69", "a user agent of 20 KB", accepted, one, "User-Agent", strings.Repeat("Mozilla/5.0 (", 1500)),
	}
}

func flipKey(key string) []byte {
	b := []byte(key)
	b[10] ^= 1
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

// elsewhereInputs are those that other tests show.
func elsewhereInputs() []input {
	return []input{
		shown("I17", "9007199254740993, and 30 digits", "stored to the digit", "TestOddButGood"),
		shown("I41", "any key while the control plane cannot be read or written", "as before: keys are in memory", "TestReadsOutliveTheStore"),
		shown("I52", "`null`, `undefined`, `NaN`, `anonymous`, zeros as ids", "200, no link is made", "TestNobody"),
		shown("I53", "aliases in a circle and to oneself", "200, no link is made", "TestAlias"),
		shown("I53", "more ids for one user than may be", "200, no link is made", "TestMaxIDs"),
		shown("I55", "times in seconds, milliseconds, microseconds, nanoseconds", "told by their size", "TestParseTime"),
		shown("I60", "20,000 property names", "200, all can be asked for", "TestManyProperties"),
		shown("I62", "SQL, formulas, escapes, scripts in names and values", "stored and given out to the letter", "TestOddButGood"),
		{id: "I65", what: "more events than a project may send", answer: refused(429, "project_rate") + ", with RateLimit fields", try: pastItsRate},
		shown("I65", "more events than a device may send", "429 `device_rate`, with RateLimit fields", "TestRates"),
		shown("I65", "more events in a month than a project may have", refused(429, "project_quota"), "TestQuota"),
		shown("I66", "more than the server can take", "429 `overloaded`, `project_over_share`, `source_over_share`, unread", "TestRefusedUnread"),
		shown("I67", "anything while the disk is full", refused(503, "disk_full"), "TestDiskFull"),
		shown("I67", "anything after a failed fsync", refused(503, "log_failed"), "TestFailedSyncEndsAcknowledgements"),
		shown("I68", "an event at which processing panics", "200, dead letter after three tries", "TestPoison"),
		shown("I69", "a user agent of 1 MB", "read in linear time", "TestAgents"),
	}
}

// pastItsRate sends more than a project of its own may.
func pastItsRate(c *catalogue) string {
	var p struct{ ID int }
	c.ask(http.MethodPost, "/v1/projects", text(`{"name":"bounded","events_per_second":5}`), &p)
	var k struct{ Key string }
	c.ask(http.MethodPost, fmt.Sprintf("/v1/projects/%d/keys", p.ID), text(`{"kind":"write"}`), &k)
	if r, err := c.call(http.MethodPost, "/v1/events", k.Key, list(50)); err != nil || r.status != http.StatusOK {
		return fmt.Sprintf("the first burst: %v %s", err, r)
	}
	r, err := c.call(http.MethodPost, "/v1/events", k.Key, list(50))
	if err == nil && (r.header.Get("RateLimit") == "" || r.header.Get("RateLimit-Policy") != `"project";q=50;w=10`) {
		return fmt.Sprintf("%s, %v", r, r.header)
	}
	return c.tell(r, err) + ", with RateLimit fields"
}
