package snowplow_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/snowplow"
)

const (
	tp2   = "/com.snowplowanalytics.snowplow/tp2"
	outer = `{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":%s}`
)

var p snowplow.Protocol

func TestGolden(t *testing.T) { ingesttest.Captures(t, p) }

func TestEvents(t *testing.T) {
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	own := func(name, data string) string {
		return b64(fmt.Sprintf(outer, `{"schema":"iglu:com.acme/`+name+`/jsonschema/1-0-0","data":`+data+`}`))
	}
	const who = `"eid":"1","duid":"d",`
	for _, c := range []struct {
		name, members, dead string
		want                func(e event.Event) bool
	}{
		{"page view", who + `"e":"pv","url":"https://a.example/x/y?utm_source=ads&q=1#f","page":"Y","refr":"r"`, "", func(e event.Event) bool {
			c := e.Context
			return e.Kind == event.Page && c.PagePath == "/x/y" && c.PageSearch == "?utm_source=ads&q=1" && c.CampaignSource == "ads" &&
				c.PageReferrer == "r" && e.Properties[0].Str == "Y"
		}},
		{"structured", who + `"e":"se","se_ca":"c","se_ac":"add","se_va":"1.5","se_la":"2"`, "", func(e event.Event) bool {
			return e.Name == "add" && e.Properties[1].Num == 1.5 && e.Properties[2].Str == "2"
		}},
		{"page ping", who + `"e":"pp","pp_mix":"0","pp_may":"7"`, "", func(e event.Event) bool {
			return e.Name == "page_ping" && e.Properties[1].Num == 7
		}},
		{"commerce", who + `"e":"tr","tr_id":"7","tr_tt":"9.5"`, "", func(e event.Event) bool {
			return e.Name == "transaction" && e.Properties[0].Str == "7" && e.Properties[1].Num == 9.5
		}},
		{"self-describing", who + `"e":"ue","ue_px":"` + own("seen", `{"a":{"b":1}}`) + `"`, "", func(e event.Event) bool {
			return e.Name == "seen" && e.Properties[0].Str == `{"b":1}` && strings.Contains(e.Context.Extra, "iglu:com.acme/seen/jsonschema/1-0-0")
		}},
		{"identify", who + `"uid":"u","e":"ue","ue_px":"` + own("identify", `{"plan":"pro"}`) + `"`, "", func(e event.Event) bool {
			return e.Kind == event.Identify && e.UserID == "u" && e.AnonymousID == "d" && e.Traits[0].Str == "pro"
		}},
		{"true time", who + `"e":"pp","dtm":"1795526585488","stm":"1795526585491","ttm":"1795526500000"`, "", func(e event.Event) bool {
			return e.OriginalTime == 1795526500000e3 && e.SentAt == 0
		}},
		{"no id", `"duid":"d","e":"pp","stm":"1795526585491"`, "", func(e event.Event) bool { return strings.HasPrefix(e.ID, "made-") }},
		{"only a network id", `"eid":"1","nuid":"n","e":"pp"`, "", func(e event.Event) bool { return e.AnonymousID == "n" }},
		{"a session's ids", `"eid":"1","e":"pp","cx":"` + b64(`{"data":[{"schema":"iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2",`+
			`"data":{"userId":"i","sessionId":"s","sessionIndex":3}}]}`) + `"`, "", func(e event.Event) bool {
			return e.AnonymousID == "i" && e.SessionID == "s" && strings.Contains(e.Context.Extra, `"data":{"sessionIndex":3}`)
		}},
		{"an entity named as a property", who + `"e":"ue","ue_px":"` + own("x", `{"cart":1}`) + `","co":"` +
			strings.ReplaceAll(`[{"schema":"iglu:com.acme/cart/jsonschema/1-0-0","data":{"n":2}}]`, `"`, `\"`) + `"`, "", func(e event.Event) bool {
			return len(e.Properties) == 1 && strings.Contains(e.Context.Extra, `{"n":2}`)
		}},
		{"unknown type", who + `"e":"xx"`, "unknown_type", nil},
		{"no type", who + `"p":"web"`, "unknown_type", nil},
		{"nobody", `"eid":"1","e":"pp"`, "missing_identity", nil},
		{"no base64", who + `"e":"ue","ue_px":"*"`, "malformed_json", nil},
		{"no JSON", who + `"e":"ue","ue_pr":"{"`, "malformed_json", nil},
		{"bad text within", who + `"e":"ue","ue_px":"` + own("x", `{"a":"\ud800"}`) + `"`, "invalid_unicode", nil},
		{"twice within", who + `"e":"ue","ue_px":"` + own("x", `{"a":1,"a":2}`) + `"`, "duplicate_key", nil},
		{"twice", who + `"e":"pp","e":"pp"`, "duplicate_key", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, dead := ingesttest.One(t, p, ingesttest.Call(http.MethodPost, tp2, `{"data":[{`+c.members+`}]}`))
			if dead != c.dead || c.want != nil && !c.want(got) {
				t.Fatalf("%q %+v", dead, got)
			}
		})
	}
}

// TestLink: a device that knows its user is linked to it.
func TestLink(t *testing.T) {
	r := ingesttest.Call(http.MethodPost, tp2, `{"data":[{"e":"pp","eid":"1","duid":"d"},{"e":"pp","eid":"2","duid":"d","uid":"u"}]}`)
	if list, _ := ingesttest.Decode(t, p, r); len(list) != 2 || list[0].Links || !list[1].Links {
		t.Fatalf("%+v", list)
	}
}

func TestAnswersAndClaims(t *testing.T) {
	w := httptest.NewRecorder()
	p.Answer(w, ingesttest.Call(http.MethodGet, "/i?e=pv&p=web", ""), nil)
	if w.Header().Get("Content-Type") != "image/gif" || w.Body.Len() != 43 {
		t.Errorf("%v, %d bytes", w.Header(), w.Body.Len())
	}
	for target, want := range map[string]bool{"/i?e=pv&p=web": true, "/i?e=pv&tv=js-4": true, "/i?app_key=a&e=1&p=1": false, "/i": false, tp2: true} {
		if p.Claims(ingesttest.Call(http.MethodGet, target, "")) != want {
			t.Errorf("%s: not %v", target, want)
		}
	}
	r := ingesttest.Call(http.MethodPost, tp2, `{"data":[{"e":"pp","aid":"app"}]}`)
	_, _ = ingesttest.Decode(t, p, r)
	if r.Key != "app" {
		t.Errorf("key %q", r.Key)
	}
}

func FuzzSnowplow(f *testing.F) {
	for _, file := range []string{"scene", "batch"} {
		f.Add(string(ingesttest.Capture(f, "testdata/node-tracker-4.8.0-"+file+".http").Body))
	}
	f.Add(`{"data":[{"e":"ue","ue_pr":"{\"data\":{\"schema\":\"a/b\",\"data\":{\"a\":[1]}}}","co":"[{\"schema\":\"a/c\",\"data\":1}]","uid":"u","duid":"d"}]}`)
	f.Add(`{"data":[{"e":"se","se_ac":"a","se_va":"1e400","res":"1x2","url":"?utm_source=%ff","tna":7}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		ingesttest.Rules(t, p, ingesttest.Call(http.MethodPost, tp2, body))
		if q, err := url.ParseQuery(body); err == nil {
			ingesttest.Rules(t, p, ingesttest.Call(http.MethodGet, "/i?"+q.Encode(), ""))
		}
	})
}
