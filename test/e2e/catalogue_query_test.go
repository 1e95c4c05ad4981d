package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// trendsOf is a question with more members.
func trendsOf(more string) string {
	return `{"kind":"trends","series":[{"events":["buy"]}]` + more + `}`
}

// questionInputs are those that go to the API.
func questionInputs() []input {
	ask := func(id, what, answer, body string) input {
		return question(id, what, answer, http.MethodPost, "/v1/query", body)
	}
	get := func(id, what, answer, target string) input {
		return question(id, what, answer, http.MethodGet, target, "")
	}
	where := func(op, value string) string {
		return trendsOf(`,"where":{"property":"plan","op":"` + op + `","value":` + value + `}`)
	}
	long := strings.Repeat("x", 9<<10)
	funnel := func(steps, more string) string {
		return `{"kind":"funnel","steps":[` + steps + `]` + more + `}`
	}
	step := `{"events":["buy"]}`
	return []input{
		question("Q01", "a foreign project in the address", refused(404, "no_such_project"), http.MethodPost, "/v1/query?project=2", trendsOf("")),
		get("Q01", "a foreign project's events", refused(404, "no_such_project"), "/v1/events?project=2"),
		ask("Q02", "a project in the body", refused(400, "unknown_field"), trendsOf(`,"project":2`)),
		ask("Q02", "a field in other letters", refused(400, "unknown_field"), trendsOf(`,"Interval":"day"`)),
		ask("Q02", "a field twice", refused(400, "duplicate_field"), trendsOf(`,"kind":"trends"`)),
		ask("Q02", "a text for a number", refused(400, "wrong_type"), trendsOf(`,"rolling":"7"`)),
		ask("Q03", "a property named `x\"; DROP TABLE events;--`", refused(400, "unknown_property"), trendsOf(`,"where":{"property":"x\"; DROP TABLE events;--","op":"is","value":1}`)),
		ask("Q04", "quotes and backslashes in a value", "200", where("is", `"'\"\\--"`)),
		ask("Q04", "NUL in a value", refused(400, "bad_text"), where("is", `"a\u0000b"`)),
		ask("Q04", "a value of 9 KiB", refused(400, "too_long"), where("is", `"`+long+`"`)),
		ask("Q04", "bytes that are not UTF-8", refused(400, "invalid_utf8"), trendsOf(",\"interval\":\"\xff\"")),
		ask("Q04", "a question of 2 MB", refused(413, "body_too_large"), trendsOf(`,"timezone":"`+strings.Repeat("x", 2<<20)+`"`)),
		ask("Q04", "nesting of 80", refused(400, "too_deep"), trendsOf(`,"where":`+strings.Repeat(`{"and":[`, 40)+strings.Repeat(`]}`, 40))),
		ask("Q05", "an aggregate that does not exist", refused(400, "unknown_word"), `{"kind":"trends","series":[{"events":["buy"],"aggregate":"drop"}]}`),
		ask("Q06", "100 years by the minute", refused(400, "too_many_buckets"), trendsOf(`,"interval":"minute","range":{"from":"1926-01-01","to":"2026-01-01"}`)),
		ask("Q07", "a range that ends before it begins", refused(400, "empty_range"), trendsOf(`,"range":{"from":"2026-02-01","to":"2026-01-01"}`)),
		ask("Q07", "`now-5000y`", refused(400, "bad_time"), trendsOf(`,"range":{"from":"now-5000y"}`)),
		ask("Q08", "the time zone `../../etc/passwd`", refused(400, "unknown_timezone"), trendsOf(`,"timezone":"../../etc/passwd"`)),
		ask("Q08", "the time zone `Mars/Phobos`", refused(400, "unknown_timezone"), trendsOf(`,"timezone":"Mars/Phobos"`)),
		shown("Q09", "days of 23 and 25 hours", "200, true to the zone", "TestBuckets"),
		ask("Q10", "a list of 20,001 values", refused(400, "bad_list"), trendsOf(`,"where":{"property":"amount","op":"in","value":[`+strings.Repeat("1,", 20_000)+`1]}`)),
		ask("Q11", "a funnel of no steps", refused(400, "bad_steps"), funnel("", "")),
		ask("Q11", "a funnel of 101 steps", refused(400, "bad_steps"), funnel(strings.Repeat(step+",", 100)+step, "")),
		ask("Q11", "a funnel of the same step twice", "200", funnel(step+","+step, "")),
		ask("Q11", "a funnel with a window of 0", refused(400, "bad_duration"), funnel(step+","+step, `,"window":"0d"`)),
		ask("Q12", "retention over 0 periods: as many as usual", "200", `{"kind":"retention","start":{"events":["buy"]},"return":{"events":["buy"]},"periods":0}`),
		shown("Q12", "a cohort that refers to itself, or in a circle", refused(400, "cohort_cycle"), "TestCohortsOfCohorts"),
		get("Q13", "limit -1", refused(400, "invalid_parameter"), "/v1/events?limit=-1"),
		get("Q13", "limit 0", refused(400, "invalid_parameter"), "/v1/events?limit=0"),
		get("Q13", "limit 10^9", refused(400, "invalid_parameter"), "/v1/events?limit=1000000000"),
		get("Q13", "limit `1e3`", refused(400, "invalid_parameter"), "/v1/events?limit=1e3"),
		get("Q13", "limit `NaN`", refused(400, "invalid_parameter"), "/v1/events?limit=NaN"),
		get("Q14", "an offset", refused(400, "unknown_parameter"), "/v1/events?offset=100"),
		get("Q15", "a cursor that is none", refused(400, "bad_cursor"), "/v1/events?cursor=abcdef"),
		{id: "Q15", what: "a cursor of another question", answer: refused(400, "bad_cursor"), try: cursorOfAnother},
		shown("Q15", "a cursor of another project", refused(400, "bad_cursor"), "TestCursorOfAnotherQuestion"),
		ask("Q16", "a pattern that makes others backtrack for ever", "200", where("regex", `"^(a+)+$"`)),
		ask("Q16", "a pattern with a look-ahead", refused(400, "bad_regex"), where("regex", `"(?=x)"`)),
		ask("Q16", "a pattern of 9 KiB", refused(400, "too_long"), where("regex", `"`+long+`"`)),
		ask("Q17", "8,000 per cent signs to look for", "200", where("contains", `"`+strings.Repeat("%", 8000)+`"`)),
		shown("Q18", "a breakdown by a property of very many values", "200, the top ones and the rest", "TestTrendsAgreeWithOracle"),
		shown("Q18", "a question about more events than memory holds", "200, read in several passes", "TestPasses"),
		{id: "Q19", what: "more questions at once than may be", answer: refused(429, "too_many_queries"), try: tooManyQuestions},
		shown("Q20", "a client that leaves", "the question ends", "TestLeavingEndsTheStatement"),
		get("Q28", "a parameter twice", refused(400, "duplicate_parameter"), "/v1/events?event=a&event=b"),
		get("Q28", "a parameter in array style", refused(400, "unknown_parameter"), "/v1/events?event[]=a"),
		get("Q28", "a parameter badly encoded", refused(400, "malformed_query"), "/v1/events?event=%zz"),
		get("Q29", "a path with `%2e%2e`", refused(404, "unknown_route"), "/v1/%2e%2e/v1/nothing"),
		get("Q29", "an encoded slash at the end", refused(404, "unknown_route"), "/v1/events%2f"),
		question("Q30", "TRACE", refused(405, "method_not_allowed"), http.MethodTrace, "/v1/events", ""),
		question("Q30", "PUT", refused(405, "method_not_allowed"), http.MethodPut, "/v1/events", ""),
		question("Q30", "DELETE", refused(405, "method_not_allowed"), http.MethodDelete, "/v1/events", ""),
		question("Q30", "GET said to be DELETE by `X-HTTP-Method-Override`", "200", http.MethodGet, "/v1/events", "", "X-HTTP-Method-Override", "DELETE"),
		get("Q31", "an export in the format `../../x`", refused(400, "invalid_parameter"), "/v1/export?format=../../x"),
		shown("Q32", "values that a spreadsheet takes for formulas", "given out as text", "TestFormulasOfSpreadsheetsAreText"),
		shown("Q36", "a question while the store is made anew", "503 `store_opening`, with Retry-After", "TestUnreadableStore"),
		question("Q37", "an Accept of nonsense", "200", http.MethodGet, "/v1/events", "", "Accept", "x/y;q=z, */bad"),
		question("Q37", "an Accept-Encoding of 1,000 entries", "200", http.MethodGet, "/v1/events", "", "Accept-Encoding", strings.Repeat("gzip;q=0.1,", 1000)+"x"),
		{id: "Q38", what: "a stream for a page of another origin", answer: "200, which that page may not read", try: func(c *catalogue) string {
			req, err := http.NewRequest(http.MethodGet, "http://"+c.addr+"/v1/live", nil)
			if err != nil {
				return err.Error()
			}
			req.Header.Set("Authorization", "Bearer "+c.read)
			req.Header.Set("Origin", "https://evil.example")
			resp, err := c.http.Do(req)
			if err != nil {
				return err.Error()
			}
			defer resp.Body.Close() // which ends the stream
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				return fmt.Sprintf("%s %v", resp.Status, resp.Header)
			}
			return "200, which that page may not read"
		}},
		shown("Q38", "streams that are not read", "what they miss is counted", "TestSlowStreamsDrop"),
	}
}

// cursorOfAnother goes on with the events of one name where those of another were.
func cursorOfAnother(c *catalogue) string {
	for range 2 {
		c.alivePost()
	}
	var page struct{ Next string }
	eventually(c.t, soon, "there is a second page", func() bool {
		r, err := c.call(http.MethodGet, "/v1/events?event=good&limit=1", c.read, nil)
		return err == nil && r.status == http.StatusOK && json.Unmarshal(r.body, &page) == nil && page.Next != ""
	})
	return c.tell(c.call(http.MethodGet, "/v1/events?event=buy&cursor="+url.QueryEscape(page.Next), c.read, nil))
}

// tooManyQuestions asks many different ones at once until one is refused; the others are answered.
func tooManyQuestions(c *catalogue) string {
	const many = 300
	for began := time.Now(); time.Since(began) < soon; {
		answers := make(chan reply, many)
		for i := range many {
			go func() {
				body := trendsOf(fmt.Sprintf(`,"where":{"property":"amount","op":"gt","value":%d.%d}`, i, began.UnixNano()%1e6))
				r, err := c.server.call(http.MethodPost, "/v1/query", c.read, text(body))
				if err != nil {
					r.body = text(err.Error())
				}
				answers <- r
			}()
		}
		var last reply
		for range many {
			if r := <-answers; r.status != http.StatusOK {
				last = r
			}
		}
		if last.status != 0 || last.body != nil {
			return c.tell(last, nil)
		}
	}
	return "all were answered"
}
