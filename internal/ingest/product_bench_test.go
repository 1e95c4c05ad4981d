package ingest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"
)

// amplitudeBatch is the shop's events as Amplitude's SDKs for phones send them.
func amplitudeBatch(events []shopEvent) map[string]any {
	list := make([]map[string]any, 0, len(events))
	for i, e := range events {
		v := map[string]any{
			"event_type": map[string]string{"track": e.Event, "screen": "[Amplitude] Screen Viewed", "identify": "$identify"}[e.Type],
			"device_id":  e.AnonymousID, "time": e.Timestamp.UnixMilli(), "insert_id": e.MessageID, "session_id": e.Timestamp.UnixMilli(),
			"event_id": i, "app_version": e.Context.App.Version, "platform": e.Context.OS.Name, "os_name": e.Context.OS.Name,
			"os_version": e.Context.OS.Version, "device_manufacturer": e.Context.Device.Manufacturer, "device_model": e.Context.Device.Model,
			"language": e.Context.Locale, "ip": "$remote", "library": "amplitude-swift/1.0.0",
		}
		if e.UserID != "" {
			v["user_id"] = e.UserID
		}
		if e.Properties != nil {
			v["event_properties"] = e.Properties
		}
		if e.Traits != nil {
			v["user_properties"] = map[string]any{"$set": e.Traits}
		}
		list = append(list, v)
	}
	return map[string]any{"api_key": "k", "client_upload_time": events[0].Timestamp, "options": map[string]any{}, "events": list}
}

// mixpanelEvents is the shop's events as Mixpanel's SDKs for phones send them.
func mixpanelEvents(events []shopEvent) []map[string]any {
	list := make([]map[string]any, 0, len(events))
	for _, e := range events {
		p := map[string]any{
			"token": "k", "distinct_id": "$device:" + e.AnonymousID, "$device_id": e.AnonymousID, "$insert_id": e.MessageID,
			"time": e.Timestamp.UnixMilli(), "mp_lib": "swift", "$lib_version": "5.0.0", "$os": e.Context.OS.Name,
			"$os_version": e.Context.OS.Version, "$model": e.Context.Device.Model, "$manufacturer": e.Context.Device.Manufacturer,
			"$app_version_string": e.Context.App.Version, "$app_build_number": e.Context.App.Build, "$wifi": true,
		}
		if e.UserID != "" {
			p["distinct_id"], p["$user_id"] = e.UserID, e.UserID
		}
		for _, members := range []map[string]any{e.Properties, e.Traits} {
			for key, value := range members {
				p[key] = value
			}
		}
		list = append(list, map[string]any{
			"event": map[string]string{"track": e.Event, "screen": "screen", "identify": "$identify"}[e.Type], "properties": p,
		})
	}
	return list
}

// base64Form is a body with data as Mixpanel's SDKs send it: those for phones and pages escape it, the one for Node does
// not.
func base64Form(b *testing.B, v any, escaped bool) []byte {
	b.Helper()
	text := base64.StdEncoding.EncodeToString(must(json.Marshal(v))(b))
	if escaped {
		text = url.QueryEscape(text)
	}
	return []byte("data=" + text)
}
