package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestOnePersonManySDKs sends an event of the same user in every format, as if an app had one SDK and its backend others,
// and before that one in which the user was not known yet: all of it is one person, who did the same thing that often.
func TestOnePersonManySDKs(t *testing.T) {
	t.Parallel()
	s := start(t)
	calls := []struct {
		path, body string
		header     []string
	}{
		{"/v1/events", `[{"event":"Seen","anonymous_id":"a","properties":{"n":1}},{"kind":"identify","anonymous_id":"a","user_id":"user-1"}]`, nil},
		{"/v1/track", `{"event":"Seen","userId":"user-1","writeKey":"KEY","properties":{"n":1}}`, nil},
		{"/rudderstack/v1/batch", `{"batch":[{"type":"track","event":"Seen","userId":"user-1","anonymousId":"random","properties":{"n":1}}]}`, nil},
		{"/batch", `{"api_key":"KEY","batch":[{"event":"Seen","distinct_id":"user-1","properties":{"n":1,"$lib":"posthog-node"}}]}`, nil},
		{"/2/httpapi", `{"api_key":"KEY","events":[{"event_type":"Seen","user_id":"user-1","event_properties":{"n":1}}]}`, nil},
		{"/track", `[{"event":"Seen","properties":{"token":"KEY","distinct_id":"user-1","n":1}}]`, nil},
		{"/com.snowplowanalytics.snowplow/tp2", `{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[` +
			`{"e":"ue","aid":"KEY","uid":"user-1","ue_pr":"{\"schema\":\"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0\",\"data\":` +
			`{\"schema\":\"iglu:com.example/Seen/jsonschema/1-0-0\",\"data\":{\"n\":1}}}"}]}`, nil},
		{"/i", `app_key=KEY&device_id=user-1&t=0&timestamp=NOW&events=[{"key":"Seen","segmentation":{"n":1}}]`, nil},
		{"/api/send", `{"type":"event","payload":{"website":"KEY","name":"Seen","id":"user-1","data":{"n":1}}}`, nil},
		{"/mp/collect?measurement_id=G-1&api_secret=KEY", `{"client_id":"c","user_id":"user-1","events":[{"name":"Seen","params":{"n":1}}]}`, nil},
		{"/v1/logs", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"Seen","attributes":[` +
			`{"key":"user.id","value":{"stringValue":"user-1"}},{"key":"n","value":{"intValue":1}}]}]}]}]}`, nil},
		{"/", `{"n":1}`, []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s", "Ce-Type", "Seen", "Ce-Subject", "user-1"}},
	}
	with := strings.NewReplacer("KEY", s.write, "NOW", strconv.FormatInt(time.Now().UnixMilli(), 10)).Replace
	for _, c := range calls {
		key := ""
		if !strings.Contains(c.path+c.body, "KEY") {
			key = s.write
		}
		r, err := s.call(http.MethodPost, with(c.path), key, []byte(with(c.body)), c.header...)
		if err != nil || r.status/100 != 2 {
			t.Fatalf("%s: %v %s", c.path, err, r)
		}
	}
	s.waitIdle()
	n := float64(len(calls))
	for aggregate, want := range map[string]float64{"total": n, "unique": 1} {
		if got := s.trend(map[string]any{"aggregate": aggregate, "events": []string{"Seen"}}, nil)[""]; got != want {
			t.Errorf("%s: %v, want %v", aggregate, got, want)
		}
	}
	if got := s.trend(map[string]any{"aggregate": "sum", "property": "n", "events": []string{"Seen"}}, nil)[""]; got != n {
		t.Errorf("the sum of n is %v, want %v", got, n)
	}
	if c := s.ledger(); c.Dead != 0 {
		t.Errorf("ledger: %+v", c)
	}
	if t.Failed() {
		for _, e := range s.export("") {
			t.Logf("%+v", e)
		}
	}
}
