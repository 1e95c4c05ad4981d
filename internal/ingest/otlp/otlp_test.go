package otlp_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/otlp"
)

// TestGolden reads what the OpenTelemetry SDK for JavaScript sent.
func TestGolden(t *testing.T) {
	for _, pattern := range []string{"testdata/*.json", "testdata/*.pb"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				body, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				ingesttest.Golden(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", body), file)
			})
		}
	}
}

func str(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

func list(kv ...*common.KeyValue) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: kv}}}
}

func kv(key string, v *common.AnyValue) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: v}
}

// request has one record below a resource and a scope.
func request(records ...*logs.LogRecord) *collector.ExportLogsServiceRequest {
	return &collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{kv("device.id", str("d1")), kv("cloud.region", str("eu"))}},
		ScopeLogs: []*logs.ScopeLogs{{
			Scope:      &common.InstrumentationScope{Name: "shop", Version: "2", Attributes: []*common.KeyValue{kv("name", str("x"))}},
			LogRecords: records,
		}},
	}}}
}

// full has everything that a record may have.
func full() *logs.LogRecord {
	num := func(n int64) *common.AnyValue { return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: n}} }
	array := &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{
		num(1), str("a\"\n"), list(kv("x", nil)), {Value: &common.AnyValue_DoubleValue{DoubleValue: 2.5}},
	}}}}
	return &logs.LogRecord{
		TimeUnixNano: 1_795_434_225_123_456_789, ObservedTimeUnixNano: 1_795_434_235_000_000_000,
		SeverityNumber: logs.SeverityNumber_SEVERITY_NUMBER_INFO, SeverityText: "INFO", EventName: "buy",
		TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"),
		Body: list(kv("amount", num(3)), kv("in_body", num(1<<53+1))),
		Attributes: []*common.KeyValue{
			kv("user.id", num(1<<60)), kv("enduser.id", str("other")), kv("session.id", str("s")), kv("log.record.uid", str("id-1")),
			kv("amount", str("much")), kv("list", array), kv("yes", &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}),
			kv("none", &common.AnyValue{}), kv("bytes", &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{0, 255}}}),
			kv("network.connection.type", str("cell")), kv("url.full", str("https://a/b")), kv("event.name", str("also")),
		},
	}
}

// TestEncodings: what is written in protobuf and in JSON by the libraries of OpenTelemetry becomes the same event.
func TestEncodings(t *testing.T) {
	r := request(full())
	binary, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	snake, err := protojson.MarshalOptions{UseProtoNames: true, UseEnumNumbers: true}.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	// The JSON of OTLP has ids in hexadecimal digits, unlike that of protobuf.
	otlpJSON := strings.NewReplacer(
		"MDEyMzQ1Njc4OWFiY2RlZg==", "30313233343536373839616263646566", "MDEyMzQ1Njc=", "3031323334353637", `"SEVERITY_NUMBER_INFO"`, "9",
	)
	for name, body := range map[string]string{"binary": string(binary), "json": otlpJSON.Replace(string(text)), "snake": otlpJSON.Replace(string(snake))} {
		t.Run(name, func(t *testing.T) {
			ingesttest.Golden(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", []byte(body)), "testdata/full")
		})
	}
}

// TestMadeID: a record without an id has one that is the same when it is sent again, and another on another device.
func TestMadeID(t *testing.T) {
	id := func(change func(*collector.ExportLogsServiceRequest)) string {
		r := request(&logs.LogRecord{EventName: "a", TimeUnixNano: 1_795_434_225_000_000_000})
		change(r)
		body, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		events, _ := ingesttest.Decode(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", body))
		return events[0].ID
	}
	first := id(func(*collector.ExportLogsServiceRequest) {})
	if !strings.HasPrefix(first, ingest.MadeID) || id(func(*collector.ExportLogsServiceRequest) {}) != first {
		t.Errorf("the id is %s", first)
	}
	for name, change := range map[string]func(*logs.ResourceLogs){
		"resource": func(r *logs.ResourceLogs) { r.Resource.Attributes[0].Value = str("d2") },
		"scope":    func(r *logs.ResourceLogs) { r.ScopeLogs[0].Scope.Name = "b" },
		"record":   func(r *logs.ResourceLogs) { r.ScopeLogs[0].LogRecords[0].TimeUnixNano++ },
	} {
		if id(func(r *collector.ExportLogsServiceRequest) { change(r.ResourceLogs[0]) }) == first {
			t.Errorf("another %s, and the same id", name)
		}
	}
}

// TestDead: what cannot be used is set aside with what it needs to be read again, and its neighbours are not.
func TestDead(t *testing.T) {
	good := &logs.LogRecord{EventName: "good"}
	for name, bad := range map[string]*logs.LogRecord{
		"bad_event_name": {Body: str("a log line")},
		"nul_byte":       {EventName: "a\x00b"},
		"duplicate_key":  {EventName: "a", Attributes: []*common.KeyValue{kv("x", str("1")), kv("x", str("2"))}},
		"bad_key":        {EventName: "a", Attributes: []*common.KeyValue{kv("", str("1"))}},
	} {
		r := request(good, bad, good)
		binary, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := protojson.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range [][]byte{binary, text} {
			events, dead := ingesttest.Decode(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", body))
			if len(events) != 2 || len(dead) != 1 || dead[0].Code != name {
				t.Fatalf("%s: %d events, dead %+v", name, len(events), dead)
			}
			again := otlp.Protocol{}.Envelope(dead[0].Body)
			events, dead = ingesttest.Decode(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", again))
			if len(events) != 0 || len(dead) != 1 || dead[0].Code != name {
				t.Errorf("%s tried again: %d events, dead %+v", name, len(events), dead)
			}
		}
	}
}

// TestDeepAndBroken: nesting has a limit, a broken resource fails the records below it only, a broken body the request.
func TestDeepAndBroken(t *testing.T) {
	deep := str("x")
	for range 40 {
		deep = list(kv("x", deep))
	}
	r := request(&logs.LogRecord{EventName: "a", Attributes: []*common.KeyValue{kv("deep", deep)}})
	r.ResourceLogs = append(r.ResourceLogs, request(&logs.LogRecord{EventName: "b"}).ResourceLogs[0])
	r.ResourceLogs[1].Resource.Attributes[1].Value = str("\x00")
	r.ResourceLogs = append(r.ResourceLogs, request(&logs.LogRecord{EventName: "c"}).ResourceLogs[0])
	body, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	events, dead := ingesttest.Decode(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", body))
	if len(events) != 1 || len(dead) != 2 || dead[0].Code != "too_deep" || dead[1].Code != "nul_byte" {
		t.Errorf("%d events, dead %v", len(events), dead)
	}
	for _, body := range []string{string(body[:len(body)-1]), "[]", `{"batch":[]}`, "nonsense", `{"resourceLogs":`} {
		if _, err := ingest.Decode(otlp.Protocol{}, ingesttest.Request("/v1/logs", []byte(body))); event.KindOf(err) != event.Invalid {
			t.Errorf("%.20q: %v", body, err)
		}
	}
	for _, body := range []string{"{}", " {}", `{"resourceLogs":[]}`, "\n\x00"} {
		if _, err := ingest.Decode(otlp.Protocol{}, ingesttest.Request("/v1/logs", []byte(body))); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestAnswers: answers are in the encoding of the request.
func TestAnswers(t *testing.T) {
	binary, err := proto.Marshal(request(full()))
	if err != nil {
		t.Fatal(err)
	}
	dead := &ingest.Sink{Results: []ingest.Result{{Code: "bad_event_name", Reason: "there is none"}}}
	refused := &event.Error{Kind: event.Internal, Code: "internal", Message: "it broke", Wait: time.Minute}
	for _, body := range [][]byte{binary, []byte(`{"resourceLogs":[]}`)} {
		r := ingesttest.Request("/v1/logs", body)
		unmarshal := func(w *httptest.ResponseRecorder, m proto.Message) {
			t.Helper()
			err := proto.Unmarshal(w.Body.Bytes(), m)
			if body[0] == '{' {
				err = protojson.Unmarshal(w.Body.Bytes(), m)
			}
			if want := map[bool]string{true: "application/json", false: "application/x-protobuf"}[body[0] == '{']; err != nil || w.Header().Get("Content-Type") != want {
				t.Errorf("%q of type %s: %v", w.Body, w.Header().Get("Content-Type"), err)
			}
		}
		var success collector.ExportLogsServiceResponse
		w := httptest.NewRecorder()
		otlp.Protocol{}.Answer(w, r, &ingest.Sink{})
		if unmarshal(w, &success); w.Code != http.StatusOK || success.PartialSuccess != nil {
			t.Errorf("accepted: %d %v", w.Code, &success)
		}
		w = httptest.NewRecorder()
		otlp.Protocol{}.Answer(w, r, dead)
		if unmarshal(w, &success); w.Code != http.StatusOK || success.PartialSuccess.GetRejectedLogRecords() != 1 ||
			!strings.Contains(success.PartialSuccess.GetErrorMessage(), "there is none") {
			t.Errorf("one dead: %d %v", w.Code, &success)
		}
		w = httptest.NewRecorder()
		otlp.Protocol{}.Refuse(w, r, refused)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "" {
			t.Errorf("refused: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		if body[0] == '{' {
			var status struct {
				Code    int
				Message string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || status.Code != 14 || status.Message != "internal: it broke" {
				t.Errorf("refused: %v %+v", err, status)
			}
		}
	}
}

func FuzzOTLP(f *testing.F) {
	for _, pattern := range []string{"testdata/*.json", "testdata/*.pb"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
	binary, err := proto.Marshal(request(full(), &logs.LogRecord{}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(binary)
	f.Fuzz(func(t *testing.T, body []byte) {
		ingesttest.Rules(t, otlp.Protocol{}, ingesttest.Request("/v1/logs", body))
	})
}
