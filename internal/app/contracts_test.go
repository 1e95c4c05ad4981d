package app

import (
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// post is a call by POST with the events in a body.
func post(path, begin, end string, header ...string) func(key string, events ...string) call {
	return func(key string, events ...string) call {
		with := func(text string) string { return strings.ReplaceAll(text, "KEY", key) }
		c := call{method: http.MethodPost, url: with(path), body: with(begin + strings.Join(events, ",") + end)}
		for i := 0; i < len(header); i += 2 {
			c.header = append(c.header, header[i], with(header[i+1]))
		}
		return c
	}
}

// problem is the pattern of a refusal in the form of RFC 9457.
func problem(status int, code string) told { return told{status, `\{.*"code":"` + code + `".*\}\s*`} }

// passes is the code of any condition that may pass.
const passes = "(disk_full|log_slow|internal|control_plane)"

// contracts are the answers of all formats. What they rest on, how each SDK reads them, is in docs/sdks.
func contracts() []contract {
	list := [][]contract{ours(), rudderstacks(), neutral(), posthogs(), amplitudes(), mixpanels(), snowplows(), countlies(), umamis(), aptabases(), ga4s()}
	var all []contract
	for _, l := range list {
		all = append(all, l...)
	}
	return all
}

func ours() []contract {
	c := contract{
		protocol: "segment", form: "batch", call: post("/v1/batch", `{"writeKey":"KEY","batch":[`, `]}`),
		good: `{"type":"track","event":"a","userId":"u"}`, bad: `{"type":"nonsense","userId":"u"}`,
		accepted: told{200, `\{"success":true\}`}, oneBad: told{200, `\{"success":true\}`}, allBad: told{200, `\{"success":true\}`},
		unknownKey: problem(401, "unknown_key"), overload: problem(429, "overloaded"), unavailable: problem(503, passes),
	}
	one := c
	one.form, one.call, one.single = "single", post("/v1/t", "", ""), true
	one.good, one.bad = `{"writeKey":"KEY","event":"a","userId":"u"}`, `{"writeKey":"KEY","event":"","userId":"u"}`
	native := c
	native.protocol, native.call = "native", post("/v1/events", `[`, `]`, "Authorization", "Bearer KEY")
	native.good, native.bad = `{"event":"a","user_id":"u"}`, `{"event":"a"}`
	native.accepted = told{200, `\{"accepted":1,"rejected":0,.*"status":"accepted".*\}\s*`}
	native.oneBad = told{200, `\{"accepted":2,"rejected":1,.*"index":1,"status":"rejected","code":"missing_identity".*\}\s*`}
	native.allBad = told{200, `\{"accepted":0,"rejected":1,.*"code":"missing_identity".*\}\s*`}
	return []contract{c, one, native}
}

// protobufLogs is an OTLP request whose records are given by the names of their events.
func protobufLogs(key string, events ...string) call {
	field := func(dst []byte, n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), b)
	}
	user := field(field(nil, 1, []byte("user.id")), 2, field(nil, 1, []byte("u")))
	var records []byte
	for _, name := range events {
		record := field(nil, 6, user)
		if name != "" {
			record = field(record, 12, []byte(name))
		}
		records = field(records, 2, record)
	}
	return call{
		http.MethodPost, "/v1/logs", string(field(nil, 1, field(nil, 2, records))),
		[]string{"Content-Type", "application/x-protobuf", "X-Api-Key", key},
	}
}

// neutral are the formats of no vendor. Clients of OTLP send again after 429, 502, 503 and 504 only; partial success is
// success to them.
func neutral() []contract {
	const partial = `\{"partialSuccess":\{"rejectedLogRecords":"1","errorMessage":".*bad_event_name.*"\}\}`
	json := contract{
		protocol: "otlp", form: "json", impatient: true,
		call: post("/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[`, `]}]}]}`, "Authorization", "Bearer KEY", "Content-Type", "application/json"),
		good: `{"eventName":"a","attributes":[{"key":"user.id","value":{"stringValue":"u"}}]}`, bad: `{"body":{"stringValue":"a log line"}}`,
		accepted: told{200, `\{\}`}, oneBad: told{200, partial}, allBad: told{200, partial},
		unknownKey: told{401, `\{"code":16,"message":"unknown_key: .*"\}`}, overload: told{429, `\{"code":8,"message":"overloaded: .*"\}`},
		unavailable: told{503, `\{"code":14,"message":"` + passes + `: .*"\}`},
	}
	binary := json
	binary.form, binary.call, binary.good, binary.bad = "protobuf", protobufLogs, "a", ""
	binary.accepted, binary.oneBad = told{200, ``}, told{200, `\x0a.\x08\x01\x12.*bad_event_name.*`}
	binary.allBad = binary.oneBad
	binary.unknownKey, binary.overload = told{401, `\x08\x10\x12.unknown_key: .*`}, told{429, `\x08\x08\x12.overloaded: .*`}
	binary.unavailable = told{503, `\x08\x0e\x12.` + passes + `: .*`}

	batch := contract{
		protocol: "cloudevents", form: "batched",
		call: post("/", `[`, `]`, "Authorization", "Bearer KEY", "Content-Type", "application/cloudevents-batch+json"),
		good: `{"specversion":"1.0","id":"1","source":"/s","type":"a","subject":"u"}`, bad: `{"specversion":"1.0","id":"1","type":"a"}`,
		accepted:   told{204, ``},
		oneBad:     told{200, `\{"accepted":2,"rejected":1,"errors":\[\{"index":1,"code":"missing_attribute",.*\}\]\}\s*`},
		allBad:     told{200, `\{"accepted":0,"rejected":1,"errors":\[\{"index":0,"code":"missing_attribute",.*\}\]\}\s*`},
		unknownKey: problem(401, "unknown_key"), overload: problem(429, "overloaded"), unavailable: problem(503, passes),
	}
	structured := batch
	structured.form, structured.single = "structured", true
	structured.call = post("/", "", "", "Authorization", "Bearer KEY", "Content-Type", "application/cloudevents+json")
	headers := batch
	headers.form, headers.single, headers.good, headers.bad = "binary", true, "u", ""
	headers.call = func(key string, events ...string) call {
		return call{http.MethodPost, "/", `{"a":1}`, []string{
			"Authorization", "Bearer " + key, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "a", "Ce-Subject", events[0],
		}}
	}
	headers.allBad.body = strings.Replace(headers.allBad.body, "missing_attribute", "missing_identity", 1)
	return []contract{json, binary, batch, structured, headers}
}

// rudderstacks: Node's SDK drops on any 4xx but 429, Kotlin's switches itself off at 404.
func rudderstacks() []contract {
	c := contract{
		protocol: "rudderstack", form: "batch", call: post("/v1/batch", `{"batch":[`, `]}`, "Authorization", "Bearer KEY"),
		good:     `{"type":"track","event":"a","userId":"u","channel":"server","originalTimestamp":"2026-11-24T10:00:00Z"}`,
		bad:      `{"type":"nonsense","userId":"u","channel":"server","originalTimestamp":"2026-11-24T10:00:00Z"}`,
		accepted: told{200, `OK`}, oneBad: told{200, `OK`}, allBad: told{200, `OK`},
		unknownKey: problem(401, "unknown_key"), overload: problem(429, "overloaded"), unavailable: problem(503, passes),
	}
	one := c
	one.form, one.single, one.call = "single", true, post("/v1/track", "", "", "Authorization", "Bearer KEY", "AnonymousId", "YQ==")
	one.bad = `{"event":"","userId":"u","channel":"web"}`
	return []contract{c, one}
}

// amplitudes: SDKs read the number in the body and not the status. A bad key must be called by its name, and a refusal
// that may pass must list the events that shall wait.
func amplitudes() []contract {
	const taken = `\{"code":200,"events_ingested":N,"payload_size_bytes":\d+,"server_upload_time":\d+\}`
	ingested := func(n string) told { return told{200, strings.Replace(taken, "N", n, 1)} }
	const wait = `\{"code":429,"error":".*","eps_threshold":\d+,.*"throttled_events":\[0,1,.*\]\}`
	c := contract{
		protocol: "amplitude", form: "httpapi", call: post("/2/httpapi", `{"api_key":"KEY","events":[`, `]}`),
		good: `{"event_type":"a","user_id":"user-1"}`, bad: `{"event_type":"a"}`,
		accepted: ingested("1"), oneBad: ingested("2"), allBad: ingested("0"),
		unknownKey: told{400, `\{"code":400,"error":"Invalid API key.*"missing_field":"api_key"\}`},
		overload:   told{429, wait}, unavailable: told{503, wait},
	}
	batch := c
	batch.form, batch.call = "batch", post("/batch", `{"api_key":"KEY","events":[`, `]}`)
	return []contract{c, batch}
}

// mixpanels: SDKs read the body. Node's never sends again, the browser's does after a 5xx and a 429, Android's only after
// a 5xx, which is therefore what an overload gets too.
func mixpanels() []contract {
	plain := contract{
		protocol: "mixpanel", form: "track", call: post("/track", `[`, `]`),
		good: `{"event":"a","properties":{"distinct_id":"u","token":"KEY"}}`, bad: `{"event":"","properties":{"distinct_id":"u","token":"KEY"}}`,
		accepted: told{200, `1`}, oneBad: told{200, `1`}, allBad: told{200, `1`},
		unknownKey: told{401, `0`}, overload: told{503, `0`}, unavailable: told{503, `0`},
	}
	verbose := plain
	verbose.form, verbose.good = "engage, verbose", `{"$token":"KEY","$distinct_id":"u","$set":{"a":1}}`
	verbose.bad = `{"$token":"KEY","$set":{"a":1}}`
	verbose.call = post("/engage/?verbose=1", `[`, `]`)
	const yes, no = `\{"status":1,"error":null\}`, `\{"status":0,"error":".+"\}`
	verbose.accepted, verbose.oneBad, verbose.allBad = told{200, yes}, told{200, yes}, told{200, yes}
	verbose.unknownKey, verbose.overload, verbose.unavailable = told{401, no}, told{503, no}, told{503, no}
	strict := plain
	strict.form, strict.call = "import, strict", post("/import?strict=1", `[`, `]`)
	failed := func(index, taken string) told {
		return told{400, `\{"code":400,"error":".+","failed_records":\[\{"index":` + index + `,.+\}\],"num_records_imported":` + taken + `,"status":"Bad Request"\}`}
	}
	strict.accepted, strict.oneBad, strict.allBad = told{200, `\{"code":200,"num_records_imported":1,"status":"OK"\}`}, failed("1", "2"), failed("0", "0")
	strict.unknownKey = told{401, `\{"code":401,"error":".+","status":"Unauthorized"\}`}
	strict.overload, strict.unavailable = told{503, `\{"code":503,.*\}`}, told{503, `\{"code":503,.*\}`}
	return []contract{plain, verbose, strict}
}

// snowplows: any 2xx is success; 400, 401, 403, 410 and 422 drop, everything else is kept.
func snowplows() []contract {
	c := contract{
		protocol: "snowplow", form: "tp2", call: post("/com.snowplowanalytics.snowplow/tp2",
			`{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[`, `]}`),
		good: `{"e":"pv","aid":"KEY","eid":"1","duid":"d","url":"https://a/b","p":"web"}`, bad: `{"e":"nonsense","aid":"KEY","eid":"1","duid":"d","p":"web"}`,
		accepted: told{200, `ok`}, oneBad: told{200, `ok`}, allBad: told{200, `ok`},
		unknownKey: problem(401, "unknown_key"), overload: problem(429, "overloaded"), unavailable: problem(503, passes),
	}
	pixel := c
	pixel.form, pixel.single = "pixel", true
	pixel.good, pixel.bad = "e=pv&eid=1&duid=d", "e=nonsense&eid=1&duid=d"
	pixel.call = func(key string, events ...string) call {
		return call{http.MethodGet, "/i?p=web&tv=js-4&aid=" + key + "&" + events[0], "", nil}
	}
	pixel.accepted, pixel.allBad = told{200, `GIF.*`}, told{200, `GIF.*`}
	return []contract{c, pixel}
}
