package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// rightsInputs are keys that may not do what they are sent with, and pages and hosts that are not ours.
func rightsInputs(s *server) []input {
	one := text(`{"event":"e","user_id":"u"}`)
	ask := func(id, what, answer, method, target string, key func(c *catalogue) string) input {
		return input{id: id, what: what, answer: answer, try: func(c *catalogue) string {
			return c.tell(c.call(method, target, key(c), nil))
		}}
	}
	none := func(*catalogue) string { return "" }
	write := func(c *catalogue) string { return c.write }
	const elsewhere = "https://evil.example"
	return []input{
		ask("A11", "a key with a typo, to ask with", refused(401, "malformed_key"), http.MethodGet, "/v1/status", func(c *catalogue) string { return string(flipKey(c.read)) }),
		rawInput("A11", "a key of 100 KB", refused(431, ""), "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+strings.Repeat("x", 100<<10)+"\r\n\r\n", false),
		{id: "A12", what: "a key in the address", answer: refused(401, "key_in_url"), try: func(c *catalogue) string {
			return c.tell(c.call(http.MethodGet, "/v1/status?key="+c.read, "", nil))
		}},
		{id: "A12", what: "a key in the address, to send with", answer: refused(401, "missing_key"), try: func(c *catalogue) string {
			return c.tell(c.call(http.MethodPost, "/v1/events?key="+c.write, "", one))
		}},
		ask("A13", "no key, to ask with", refused(401, "missing_key"), http.MethodGet, "/v1/status", none),
		ask("A13", "a write key, to ask with", refused(403, "wrong_key_kind"), http.MethodGet, "/v1/events", write),
		ask("A13", "a write key, to make projects with", refused(403, "wrong_key_kind"), http.MethodPost, "/v1/projects", write),
		ask("A13", "a read key, to make projects with", refused(403, "wrong_key_kind"), http.MethodPost, "/v1/projects", func(c *catalogue) string { return c.read }),
		{id: "A13", what: "a revoked key, to ask with", answer: refused(401, "revoked_key"), try: func(c *catalogue) string {
			id, key := c.createKey("read")
			if r, err := c.call(http.MethodDelete, fmt.Sprintf("/v1/keys/%d", id), c.admin, nil); err != nil || r.status >= 300 {
				c.t.Fatalf("revoke a key: %v %s", err, r)
			}
			return c.tell(c.call(http.MethodGet, "/v1/status", key, nil))
		}},
		{id: "A15", what: "a thousand keys of another server", answer: refused(401, "unknown_key"), try: func(c *catalogue) string {
			var answers []string
			for range 1000 {
				answers = append(answers, c.tell(c.call(http.MethodPost, "/v1/events", c.foreign, one)))
			}
			c.alivePost()
			slices.Sort(answers)
			return strings.Join(slices.Compact(answers), ", ")
		}},
		{id: "A22", what: "a page without an origin asks", answer: "200, which that page may not read", try: func(c *catalogue) string {
			return c.mayRead(c.call(http.MethodGet, "/v1/status", c.read, nil, "Origin", "null"))
		}},
		{id: "A22", what: "a page of another origin asks whether it may ask", answer: refused(405, "method_not_allowed"), try: func(c *catalogue) string {
			return c.tell(c.call(http.MethodOptions, "/v1/query", "", nil, "Origin", elsewhere, "Access-Control-Request-Method", http.MethodPost))
		}},
		{id: "A22", what: "a page of another origin asks whether it may send", answer: "204, it may", try: func(c *catalogue) string {
			r, err := c.call(http.MethodOptions, "/v1/events", "", nil, "Origin", elsewhere, "Access-Control-Request-Method", http.MethodPost)
			if err != nil || r.status != http.StatusNoContent || r.header.Get("Access-Control-Allow-Origin") != elsewhere {
				return fmt.Sprintf("%v %s %v", err, r, r.header)
			}
			return "204, it may"
		}},
		rawInput("A23", "a Host that is not ours", accepted, strings.Replace(s.head("1.1", fmt.Sprintf("Content-Length: %d", len(one))), "localhost", "evil.example", 1)+string(one), false),
		rawInput("A23", "the address of another server in the request", accepted,
			strings.Replace(s.head("1.1", fmt.Sprintf("Content-Length: %d", len(one))), "/v1/events", "http://evil.example/v1/events", 1)+string(one), false),
	}
}

// mayRead tells whether a page of another origin gets to see an answer.
func (c *catalogue) mayRead(r reply, err error) string {
	if err == nil && r.status == http.StatusOK && r.header.Get("Access-Control-Allow-Origin") == "" {
		return "200, which that page may not read"
	}
	return fmt.Sprintf("%s %v", c.tell(r, err), r.header)
}
