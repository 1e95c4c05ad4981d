package ingest_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/freshet/freshet/internal/demo"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/amplitude"
	"github.com/freshet/freshet/internal/ingest/aptabase"
	"github.com/freshet/freshet/internal/ingest/cloudevents"
	"github.com/freshet/freshet/internal/ingest/countly"
	"github.com/freshet/freshet/internal/ingest/ga4"
	"github.com/freshet/freshet/internal/ingest/mixpanel"
	"github.com/freshet/freshet/internal/ingest/otlp"
	"github.com/freshet/freshet/internal/ingest/posthog"
	"github.com/freshet/freshet/internal/ingest/rudderstack"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/ingest/snowplow"
	"github.com/freshet/freshet/internal/ingest/umami"
	"github.com/freshet/freshet/internal/jsontree"
)

// benchEvents is the number of events of a benchmark's body.
const benchEvents = 500

// shopEvent is an event of the demo shop as its generator writes it.
type shopEvent struct {
	Type, Event, Name, MessageID, AnonymousID, UserID string
	Timestamp                                         time.Time
	Properties, Traits                                map[string]any
	Context                                           struct {
		App              struct{ Name, Version, Build, Namespace string }
		Device           struct{ ID, Manufacturer, Model, Type string }
		OS               struct{ Name, Version string }
		Locale, Timezone string
	}
}

// wireFormat is one line of the benchmark: how the shop's events look when another SDK sends them.
type wireFormat struct {
	name     string
	protocol ingest.Protocol
	path     string
	header   http.Header
	body     func(b *testing.B, shop []byte, events []shopEvent) []byte
}

// wireFormats are all formats. Segment's is what the others are held against: none may decode fewer than half as many
// events in a second.
var wireFormats = []wireFormat{
	{"segment", segment.Protocol{}, "/v1/batch", nil, func(_ *testing.B, shop []byte, _ []shopEvent) []byte { return shop }},
	{"posthog", posthog.Protocol{}, "/batch", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(postHogBatch(events)))(b)
	}},
	{"amplitude", amplitude.Protocol{}, "/2/httpapi", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(amplitudeBatch(events)))(b)
	}},
	{"mixpanel json", mixpanel.Protocol{}, "/import", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(mixpanelEvents(events)))(b)
	}},
	{"mixpanel form", mixpanel.Protocol{}, "/track", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return base64Form(b, mixpanelEvents(events), true)
	}},
	{"mixpanel form of node", mixpanel.Protocol{}, "/track", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return base64Form(b, mixpanelEvents(events), false)
	}},
	{"rudderstack", rudderstack.Protocol{}, "/v1/batch", nil, func(b *testing.B, shop []byte, _ []shopEvent) []byte {
		return bytes.ReplaceAll(shop, []byte(`"timestamp":`), []byte(`"channel":"mobile","originalTimestamp":`))
	}},
	{"snowplow", snowplow.Protocol{}, "/com.snowplowanalytics.snowplow/tp2", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(map[string]any{"data": snowplowEvents(b, events, true)}))(b)
	}},
	{"snowplow, not encoded", snowplow.Protocol{}, "/com.snowplowanalytics.snowplow/tp2", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(map[string]any{"data": snowplowEvents(b, events, false)}))(b)
	}},
	{"countly", countly.Protocol{}, "/i", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte { return countlyForm(b, events) }},
	{"umami", umami.Protocol{}, "/api/batch", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(umamiEvents(events)))(b)
	}},
	{"aptabase", aptabase.Protocol{}, "/api/v0/events", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(aptabaseEvents(events)))(b)
	}},
	{"ga4", ga4.Protocol{}, "/mp/collect", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(ga4Request(events)))(b)
	}},
	{"otlp protobuf", otlp.Protocol{}, "/v1/logs", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(proto.Marshal(otlpRequest(events)))(b)
	}},
	{"otlp json", otlp.Protocol{}, "/v1/logs", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(protojson.Marshal(otlpRequest(events)))(b)
	}},
	{"cloudevents batch", cloudevents.Protocol{}, "/", nil, func(b *testing.B, _ []byte, events []shopEvent) []byte {
		return must(json.Marshal(cloudEvents(events)))(b)
	}},
}

func must(body []byte, err error) func(*testing.B) []byte {
	return func(b *testing.B) []byte {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return body
	}
}

// BenchmarkFormats reads the same 500 events of the demo shop as each format has them.
func BenchmarkFormats(b *testing.B) {
	shop := demo.New(demo.Options{Events: benchEvents}).Next(nil, benchEvents)
	var batch struct{ Batch []shopEvent }
	if err := json.Unmarshal(shop, &batch); err != nil {
		b.Fatal(err)
	}
	for _, f := range wireFormats {
		b.Run(f.name, func(b *testing.B) {
			var parser jsontree.Parser
			if f.header == nil {
				f.header = http.Header{}
			}
			r := &ingest.Request{
				Method: http.MethodPost, Path: f.path, Header: f.header, Body: f.body(b, shop, batch.Batch), Key: "k",
				Limits: ingest.DefaultLimits(), Parser: &parser,
			}
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ingest.Decode(f.protocol, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(benchEvents*b.N), "ns/event")
		})
	}
}

// cloudEvents are the events as a batch has them.
func cloudEvents(events []shopEvent) []map[string]any {
	out := make([]map[string]any, 0, len(events))
	for _, e := range events {
		data := map[string]any{"app_version": e.Context.App.Version, "os": e.Context.OS.Name, "device_model": e.Context.Device.Model}
		for _, members := range []map[string]any{e.Properties, e.Traits} {
			maps.Copy(data, members)
		}
		c := map[string]any{
			"specversion": "1.0", "id": e.MessageID, "source": "https://shop.example/app", "type": or(e.Event, "$"+e.Type), "time": e.Timestamp,
			"anonymousid": e.AnonymousID, "deviceid": e.Context.Device.ID, "datacontenttype": "application/json", "data": data,
		}
		if e.UserID != "" {
			c["subject"] = e.UserID
		}
		out = append(out, c)
	}
	return out
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// otlpRequest has a resource for each phone, as phones send it and a collector gathers it.
func otlpRequest(events []shopEvent) *collector.ExportLogsServiceRequest {
	request := &collector.ExportLogsServiceRequest{}
	phones := map[string]*logs.ScopeLogs{}
	for _, e := range events {
		phone := phones[e.AnonymousID]
		if phone == nil {
			phone = &logs.ScopeLogs{Scope: &common.InstrumentationScope{Name: "shop", Version: "1.0.0"}}
			phones[e.AnonymousID] = phone
			c := e.Context
			request.ResourceLogs = append(request.ResourceLogs, &logs.ResourceLogs{
				Resource: &resource.Resource{Attributes: []*common.KeyValue{
					otlpText("service.name", c.App.Name), otlpText("service.version", c.App.Version), otlpText("app.build_id", c.App.Build),
					otlpText("app.installation.id", e.AnonymousID), otlpText("device.id", c.Device.ID),
					otlpText("device.manufacturer", c.Device.Manufacturer), otlpText("device.model.identifier", c.Device.Model),
					otlpText("os.name", c.OS.Name), otlpText("os.version", c.OS.Version), otlpText("browser.language", c.Locale),
					otlpText("telemetry.sdk.name", "opentelemetry"), otlpText("telemetry.sdk.version", "1.0.0"),
				}}, ScopeLogs: []*logs.ScopeLogs{phone},
			})
		}
		record := &logs.LogRecord{
			TimeUnixNano: uint64(e.Timestamp.UnixNano()), ObservedTimeUnixNano: uint64(e.Timestamp.UnixNano()),
			EventName:  map[string]string{"track": e.Event, "screen": "$screen", "identify": "$identify"}[e.Type],
			Attributes: []*common.KeyValue{otlpText("event.id", e.MessageID)},
		}
		if e.UserID != "" {
			record.Attributes = append(record.Attributes, otlpText("user.id", e.UserID))
		}
		for _, members := range []map[string]any{e.Properties, e.Traits} {
			for key, value := range members {
				record.Attributes = append(record.Attributes, &common.KeyValue{Key: key, Value: otlpValue(value)})
			}
		}
		phone.LogRecords = append(phone.LogRecords, record)
	}
	return request
}

func otlpText(key, text string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: otlpValue(text)}
}

func otlpValue(v any) *common.AnyValue {
	switch v := v.(type) {
	case string:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}
	case bool:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v}}
	case float64:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v}}
	default:
		return &common.AnyValue{}
	}
}
