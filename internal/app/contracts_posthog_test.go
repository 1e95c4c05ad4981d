package app

// posthogs: Node's SDK halves a batch after 413 and drops after any other 4xx but 408 and 429; the browser's drops after
// 429 too, so that an overload is a 503. The second version of capture reads what became of each event.
func posthogs() []contract {
	const taken = `\{"status":1\}`
	text := func(status int, code string) told { return told{status, code + `: .*\s*`} }
	c := contract{
		protocol: "posthog", form: "batch", call: post("/batch/", `{"api_key":"KEY","batch":[`, `]}`, "User-Agent", "posthog-node/5.70.0"),
		good: `{"event":"a","distinct_id":"u","uuid":"1"}`, bad: `{"event":"","distinct_id":"u","uuid":"2"}`,
		accepted: told{200, taken}, oneBad: told{200, taken}, allBad: told{200, taken},
		unknownKey: text(401, "unknown_key"), overload: text(503, "overloaded"), unavailable: text(503, passes),
	}
	one := c
	one.form, one.single, one.call = "single", true, post("/i/v0/e/", "", "")
	one.good, one.bad = `{"api_key":"KEY","event":"a","distinct_id":"u"}`, `{"token":"KEY","event":"a"}`
	second := c
	second.form, second.call = "second version", post("/i/v1/analytics/events", `{"created_at":"2026-11-24T10:00:00Z","batch":[`, `]}`, "Authorization", "Bearer KEY")
	const ok, dropped = `"1":\{"result":"ok"\}`, `"2":\{"result":"drop","details":"bad_event_name: .*"\}`
	second.accepted = told{200, `\{"results":\{` + ok + `\}\}`}
	second.oneBad = told{200, `\{"results":\{` + ok + `,` + dropped + `,` + ok + `\}\}`}
	second.allBad = told{200, `\{"results":\{` + dropped + `\}\}`}
	return []contract{c, one, second}
}
