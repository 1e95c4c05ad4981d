package ingest_test

import "time"

// postHogBatch has the events as PostHog's mobile SDKs send them.
func postHogBatch(events []shopEvent) map[string]any {
	batch := make([]map[string]any, 0, len(events))
	for _, e := range events {
		c := e.Context
		p := map[string]any{
			"$app_name": c.App.Name, "$app_version": c.App.Version, "$app_build": c.App.Build, "$app_namespace": c.App.Namespace,
			"$device_id": c.Device.ID, "$device_manufacturer": c.Device.Manufacturer, "$device_model": c.Device.Model, "$device_type": c.Device.Type,
			"$os_name": c.OS.Name, "$os_version": c.OS.Version, "$locale": c.Locale, "$timezone": c.Timezone,
			"$lib": "posthog-ios", "$lib_version": "3.0.0", "$is_identified": e.UserID != "",
		}
		for k, v := range e.Properties {
			p[k] = v
		}
		member := map[string]any{
			"uuid": e.MessageID, "event": e.Event, "distinct_id": e.AnonymousID, "timestamp": e.Timestamp.Format(time.RFC3339Nano), "properties": p,
		}
		if e.UserID != "" {
			member["distinct_id"] = e.UserID
		}
		switch e.Type {
		case "screen":
			member["event"], p["$screen_name"] = "$screen", e.Name
		case "identify":
			member["event"], p["$set"], p["$anon_distinct_id"] = "$identify", e.Traits, e.AnonymousID
		}
		batch = append(batch, member)
	}
	return map[string]any{"api_key": "k", "batch": batch, "sent_at": time.Now().Format(time.RFC3339Nano)}
}
