package ingest_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"strconv"
	"testing"
)

// about are an event's properties and traits.
func (e shopEvent) about() map[string]any {
	data := map[string]any{}
	maps.Copy(data, e.Properties)
	maps.Copy(data, e.Traits)
	return data
}

func (e shopEvent) called() string { return or(e.Event, "$"+e.Type) }

// snowplowEvents describe themselves, and the phone in contexts.
func snowplowEvents(b *testing.B, events []shopEvent, encoded bool) []map[string]string {
	b.Helper()
	part := func(v any) string {
		text := must(json.Marshal(v))(b)
		if encoded {
			return base64.RawURLEncoding.EncodeToString(text)
		}
		return string(text)
	}
	schema := func(name string, data any) map[string]any {
		return map[string]any{"schema": "iglu:" + name + "/jsonschema/1-0-0", "data": data}
	}
	event, contexts := "ue_pr", "co"
	if encoded {
		event, contexts = "ue_px", "cx"
	}
	out := make([]map[string]string, 0, len(events))
	for _, e := range events {
		c := e.Context
		out = append(out, map[string]string{
			"e": "ue", "eid": e.MessageID, "tv": "ios-6.0.0", "p": "mob", "dtm": strconv.FormatInt(e.Timestamp.UnixMilli(), 10), "uid": e.UserID,
			"lang": c.Locale, "tz": c.Timezone, "duid": e.AnonymousID,
			event: part(schema("com.snowplowanalytics.snowplow/unstruct_event", schema("com.acme/"+e.called(), e.about()))),
			contexts: part(schema("com.snowplowanalytics.snowplow/contexts", []any{
				schema("com.snowplowanalytics.snowplow/mobile_context", map[string]any{
					"osType": c.OS.Name, "osVersion": c.OS.Version, "deviceManufacturer": c.Device.Manufacturer, "deviceModel": c.Device.Model,
				}),
				schema("com.snowplowanalytics.mobile/application", map[string]any{"version": c.App.Version, "build": c.App.Build}),
			})),
		})
	}
	return out
}

// countlyForm is a request of one device with all events.
func countlyForm(b *testing.B, events []shopEvent) []byte {
	b.Helper()
	var list []map[string]any
	for _, e := range events {
		list = append(list, map[string]any{"key": e.called(), "count": 1, "segmentation": e.about(), "timestamp": e.Timestamp.UnixMilli(), "hour": 1, "dow": 2})
	}
	c := events[0].Context
	return []byte(url.Values{
		"device_id": {events[0].AnonymousID}, "app_key": {"k"}, "timestamp": {"1795526588000"}, "sdk_name": {"objc-native-ios"}, "sdk_version": {"25.4.3"},
		"t": {"1"}, "av": {c.App.Version}, "events": {string(must(json.Marshal(list))(b))},
		"metrics": {string(must(json.Marshal(map[string]any{"_os": c.OS.Name, "_os_version": c.OS.Version, "_device": c.Device.Model}))(b))},
	}.Encode())
}

func umamiEvents(events []shopEvent) []map[string]any {
	out := make([]map[string]any, 0, len(events))
	for _, e := range events {
		out = append(out, map[string]any{"type": "event", "payload": map[string]any{
			"website": "k", "name": e.called(), "id": or(e.UserID, e.AnonymousID), "data": e.about(), "timestamp": e.Timestamp.Unix(), "language": e.Context.Locale,
			"screen": "1170x2532", "url": "/" + e.Name, "hostname": "shop.example", "title": e.Name,
		}})
	}
	return out
}

func aptabaseEvents(events []shopEvent) []map[string]any {
	out := make([]map[string]any, 0, len(events))
	for _, e := range events {
		c := e.Context
		out = append(out, map[string]any{
			"timestamp": e.Timestamp, "sessionId": e.AnonymousID, "eventName": e.called(), "props": e.about(),
			"systemProps": map[string]any{
				"isDebug": false, "locale": c.Locale, "osName": c.OS.Name, "osVersion": c.OS.Version, "deviceModel": c.Device.Model,
				"appVersion": c.App.Version, "appBuildNumber": c.App.Build, "sdkVersion": "aptabase-swift@0.3.11",
			},
		})
	}
	return out
}

func ga4Request(events []shopEvent) map[string]any {
	var list []map[string]any
	for _, e := range events {
		params := e.about()
		params["session_id"], params["engagement_time_msec"] = 1795526588, 100
		list = append(list, map[string]any{"name": e.called(), "params": params, "timestamp_micros": e.Timestamp.UnixMicro()})
	}
	return map[string]any{
		"app_instance_id": events[0].AnonymousID, "events": list,
		"device": map[string]any{"operating_system": events[0].Context.OS.Name, "model": events[0].Context.Device.Model},
	}
}
