package app

import (
	"net/http"
	"net/url"
	"strings"
)

// countlies: SDKs send one request after the other and keep each until the answer is 2xx with a result, for ever and with
// everything behind it, so that what can never be taken is answered like what was.
func countlies() []contract {
	const done = `\{"result":"Success"\}`
	result := func(status int, code string) told { return told{status, `\{"result":"Refused: ` + code + `: .*"\}`} }
	request := func(key string, events ...string) string {
		return url.Values{
			"app_key": {key}, "device_id": {"d"}, "timestamp": {"1795526580000"}, "events": {"[" + strings.Join(events, ",") + "]"},
		}.Encode()
	}
	form := contract{
		protocol: "countly", form: "form", good: `{"key":"a","count":1}`, bad: `{"key":"","count":1}`,
		call: func(key string, events ...string) call {
			return call{http.MethodPost, "/i", request(key, events...), []string{"Content-Type", "application/x-www-form-urlencoded"}}
		},
		accepted: told{200, done}, oneBad: told{200, done}, allBad: told{200, done},
		unknownKey: result(401, "unknown_key"), overload: result(429, "overloaded"), unavailable: result(503, passes),
	}
	query := form
	query.form, query.call = "query", func(key string, events ...string) call {
		return call{http.MethodGet, "/i?" + request(key, events...), "", nil}
	}
	bulk := form
	bulk.form, bulk.call = "bulk", post("/i/bulk", `app_key=KEY&requests=[`, `]`)
	bulk.good, bulk.bad = `{"device_id":"d","events":[{"key":"a"}]}`, `{"device_id":"d","events":[{}]}`
	return []contract{form, query, bulk}
}

// umamis: Node's SDK never tries again, and the browser's takes the token from the answer.
func umamis() []contract {
	const token = `"cache":"umami-[^"]+"`
	const answer = `\{` + token + `,"sessionId":"[0-9a-f-]{36}","visitId":"[0-9a-f-]{36}"\}`
	one := contract{
		protocol: "umami", form: "single", single: true, call: post("/api/send", "", ""),
		good: `{"type":"event","payload":{"website":"KEY","name":"a"}}`, bad: `{"type":"nonsense","payload":{"website":"KEY"}}`,
		accepted: told{200, answer}, allBad: told{200, answer},
		unknownKey: problem(401, "unknown_key"), overload: problem(429, "overloaded"), unavailable: problem(503, passes),
	}
	batch := one
	batch.form, batch.single, batch.call = "batch", false, post("/api/batch", "[", "]")
	processed := func(size, taken, bad string) told {
		return told{200, `\{` + token + `,"errors":` + bad + `,"processed":` + taken + `,.*"size":` + size + `,.*\}`}
	}
	batch.accepted, batch.oneBad, batch.allBad = processed("1", "1", "0"), processed("3", "2", "1"), processed("1", "0", "1")
	return []contract{one, batch}
}

// aptabases: SDKs for phones throw away what is answered with any 4xx and send again after a 5xx.
func aptabases() []contract {
	c := contract{
		protocol: "aptabase", form: "batch", call: post("/api/v0/events", "[", "]", "App-Key", "KEY"),
		good: `{"eventName":"a","sessionId":"s"}`, bad: `{"sessionId":"s"}`,
		accepted: told{200, `\{\}`}, oneBad: told{200, `\{\}`}, allBad: told{200, `\{\}`},
		unknownKey: problem(401, "unknown_key"), overload: problem(503, "overloaded"), unavailable: problem(503, passes),
	}
	one := c
	one.form, one.single, one.call = "single", true, post("/api/v0/event", "", "", "App-Key", "KEY")
	return []contract{c, one}
}

// ga4s: nobody reads the answers.
func ga4s() []contract {
	return []contract{{
		protocol: "ga4", form: "collect", call: post("/mp/collect?measurement_id=G-1&api_secret=KEY", `{"client_id":"c","events":[`, `]}`),
		good: `{"name":"a"}`, bad: `{"params":{}}`,
		accepted: told{204, ``}, oneBad: told{204, ``}, allBad: told{204, ``},
		unknownKey: problem(401, "unknown_key"), overload: problem(429, "overloaded"), unavailable: problem(503, passes),
	}}
}
