package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

type got struct {
	Event, ID, Timestamp, Kind string
	UserID                     string         `json:"user_id"`
	AnonymousID                string         `json:"anonymous_id"`
	Properties                 map[string]any `json:"properties"`
}

// server keeps events by id, as a real one does.
type server struct {
	mu     sync.Mutex
	events map[string]got
	order  []got
	calls  int
	// failAt makes the call of that number fail for good.
	failAt int
}

func (s *server) send(_ context.Context, body []byte) ([]byte, uint64, error) {
	var events []got
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, 0, fmt.Errorf("%w in %s", err, body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; s.calls == s.failAt {
		return nil, 0, errors.New("gone")
	}
	if s.events == nil {
		s.events = map[string]got{}
	}
	results := []string{}
	for i, e := range events {
		if e.Event == "refuse me" {
			results = append(results, fmt.Sprintf(`{"index":%d,"status":"rejected","code":"no","reason":"never"}`, i))
			continue
		}
		s.events[e.ID] = e
		s.order = append(s.order, e)
	}
	return fmt.Appendf(nil, `{"accepted":%d,"results":[%s]}`, len(events)-len(results), strings.Join(results, ",")), uint64(len(s.order)), nil
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCSV(t *testing.T) {
	path := write(t, "a.csv", "\ufeffclient_id,event,timestamp,price,code,vip\n"+
		"u1,buy,2019-11-01 17:59:13.273932,9.5,007,true\n"+
		"u1,buy,2019-11-01 17:59:13.273932,9.5,007,true\n"+
		"u2,look,2020-04-29T12:48:06Z,,\"a \"\"b\"\"\",False\n"+
		"u3,look,yesterday,1,2,3\n"+
		"u4,look\n"+
		"u5,refuse me,1572631153,1,2,3\n")
	var s server
	bad := map[int64]string{}
	res, err := Run(t.Context(), Options{Path: path, Send: s.send, Bad: func(row int64, why string) { bad[row] = why }})
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != 6 || res.Accepted != 3 || res.Bad != 2 || res.Rejected != 1 || res.Mapping.User != "client_id" || len(s.events) != 3 {
		t.Errorf("%+v", res)
	}
	if !strings.Contains(bad[4], `timestamp: "yesterday" is no time`) || !strings.Contains(bad[5], "2 fields where the header has 6") || bad[6] != "no: never" {
		t.Error(bad)
	}
	e := s.order[0]
	if e.Event != "buy" || e.UserID != "u1" || e.Timestamp != "2019-11-01T17:59:13.273932Z" || e.Properties["price"] != 9.5 ||
		e.Properties["code"] != "007" || e.Properties["vip"] != true || len(e.Properties) != 3 {
		t.Errorf("%+v", e)
	}
	if e := s.order[2]; e.Properties["code"] != `a "b"` || e.Properties["vip"] != false || len(e.Properties) != 2 {
		t.Errorf("%+v", e)
	}
	if _, err := Run(t.Context(), Options{Path: path, Send: s.send}); err != nil || len(s.events) != 3 {
		t.Errorf("the second time: %v, %d events", err, len(s.events))
	}
}

func TestRealFileTwice(t *testing.T) {
	path := "../../../shared/data/onlineshop.csv.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("the sample file is not here")
	}
	var s server
	for range 2 {
		copied := filepath.Join(t.TempDir(), "shop.csv.gz")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, b, 0o600); err != nil {
			t.Fatal(err)
		}
		res, err := Run(t.Context(), Options{Path: copied, Send: s.send})
		if err != nil || res.Rows != 32283 || res.Accepted != 32283 || len(s.events) != 32283 {
			t.Fatalf("%+v %v, %d different", res, err, len(s.events))
		}
	}
	names, users := map[string]int{}, map[string]bool{}
	for _, e := range s.events {
		names[e.Event]++
		users[e.UserID] = true
	}
	if names["catalog"] != 14518 || names["payment_done"] != 706 || len(users) != 3751 {
		t.Error(names, len(users))
	}
}

func TestNDJSONPlainAndExported(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, `{"name":"a","ts":1700000000123,"device_id":"d","deep":{"x":[1]},"none":null}`+"\n\nnot json\n"+`{"name":"b","ts":1.7e9,"device_id":7}`)
	w.Close()
	var s server
	res, err := Run(t.Context(), Options{Path: write(t, "a.ndjson.gz", z.String()), Send: s.send})
	if err != nil || res.Accepted != 2 || res.Bad != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	if e := s.order[0]; e.Event != "a" || e.AnonymousID != "d" || e.Timestamp != "2023-11-14T22:13:20.123Z" || len(e.Properties) != 1 {
		t.Errorf("%+v", e)
	}
	if e := s.order[1]; e.AnonymousID != "7" || e.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("%+v", e)
	}
	s = server{}
	line := `{"id":"e1","position":4,"event":"buy","kind":"track","time":"2026-03-01T00:00:00Z","received_at":"2026-03-01T00:00:01Z","person":"9","user_id":"u","properties":{"amount":3},"context":{"os":{"name":"iOS"}}}`
	if _, err := Run(t.Context(), Options{Path: write(t, "b.jsonl", line), Send: s.send}); err != nil {
		t.Fatal(err)
	}
	if e := s.order[0]; e.ID != "e1" || e.Kind != "track" || e.Properties["amount"] != 3.0 || len(e.Properties) != 1 || e.Timestamp != "2026-03-01T00:00:00Z" {
		t.Errorf("%+v", e)
	}
	s = server{}
	bare := `{"id":"e0","position":3,"event":"$identify","kind":"identify","timestamp":"2026-03-01T00:00:00Z","received_at":"2026-03-01T00:00:01Z","person":"9","user_id":"u"}`
	if _, err := Run(t.Context(), Options{Path: write(t, "c.jsonl", bare+"\n"+line), Send: s.send}); err != nil {
		t.Fatal(err)
	}
	if e := s.order[0]; e.ID != "e0" || e.Kind != "identify" || len(e.Properties) != 0 {
		t.Errorf("an export that begins with an event without properties: %+v", e)
	}
	s = server{}
	unknown := `{"id":"e9","position":2,"event":"open","kind":"track","timestamp":"2026-03-01T00:00:00Z","received_at":"2026-03-01T00:00:01Z","person":"8","anonymous_id":"a"}`
	if _, err := Run(t.Context(), Options{Path: write(t, "d.jsonl", unknown+"\n"+bare), Send: s.send}); err != nil {
		t.Fatal(err)
	}
	if e := s.order[1]; e.UserID != "u" || s.order[0].AnonymousID != "a" {
		t.Errorf("an export that begins with somebody unknown: %+v", e)
	}
}

func TestParquet(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "action", Type: arrow.BinaryTypes.String},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond}},
		{Name: "who", Type: arrow.PrimitiveTypes.Int64},
		{Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	const n = 5000
	for i := range n {
		b.Field(0).(*array.StringBuilder).Append("buy")
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_001 + int64(i)*1_000_000))
		b.Field(2).(*array.Int64Builder).Append(int64(i % 10))
		if i%2 == 0 {
			b.Field(3).(*array.Float64Builder).Append(1.5)
		} else {
			b.Field(3).AppendNull()
		}
	}
	path := filepath.Join(t.TempDir(), "a.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(schema, f, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(b.NewRecordBatch()), w.Close()); err != nil {
		t.Fatal(err)
	}
	var s server
	_, err = Run(t.Context(), Options{Path: path, Send: s.send})
	if err == nil || !strings.Contains(err.Error(), "--time-column") {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), Options{Path: path, Send: s.send, Senders: 1, Mapping: Mapping{Time: "at", User: "who"}})
	if err != nil || res.Accepted != n || len(s.events) != n {
		t.Fatalf("%+v %v", res, err)
	}
	if e := s.order[0]; e.Timestamp != "2023-11-14T22:13:20.000001Z" || e.UserID != "0" || e.Properties["price"] != 1.5 {
		t.Errorf("%+v", e)
	}
}

func TestResumeSendsTheRestWithTheSameIDs(t *testing.T) {
	var b strings.Builder
	b.WriteString("user_id,event,time\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "u%d,e,2026-01-01\n", i%7)
	}
	path := write(t, "a.csv", b.String())
	var whole server
	if _, err := Run(t.Context(), Options{Path: path, Batch: 100, Send: whole.send}); err != nil || len(whole.events) != 5000 {
		t.Fatal(err, len(whole.events))
	}
	s := server{failAt: 31}
	if _, err := Run(t.Context(), Options{Path: path, Batch: 100, Send: s.send}); err == nil {
		t.Fatal("nothing failed")
	}
	res, err := Run(t.Context(), Options{Path: path, Batch: 100, Send: s.send, Resume: true})
	// How many rows are known to have arrived hangs on which of the senders was slow when the other failed.
	if err != nil || res.Skipped == 0 || res.Skipped+res.Accepted != 5000 || len(s.events) != 5000 {
		t.Fatalf("%+v %v %d", res, err, len(s.events))
	}
	for id := range s.events {
		if _, ok := whole.events[id]; !ok {
			t.Fatal("another id than without the interruption")
		}
	}
	if _, err := os.Stat(path + checkpointSuffix); !os.IsNotExist(err) {
		t.Error("the note is still there")
	}
}

func TestCounterBeyondMemory(t *testing.T) {
	c := newCounter()
	c.limit = 10
	ids := map[string]bool{}
	for range 3 {
		for i := range 100 {
			id, err := c.id(fmt.Append(nil, i))
			if err != nil {
				t.Fatal(err)
			}
			ids[id] = true
		}
	}
	if err := c.close(); err != nil || len(ids) != 300 {
		t.Fatal(err, len(ids))
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-01":                "2026-03-01T00:00:00Z",
		"2026-03-01 10:00:00+02:00": "2026-03-01T08:00:00Z",
		"1700000000":                "2023-11-14T22:13:20Z",
		"1700000000.25":             "2023-11-14T22:13:20.25Z",
		"1700000000123456":          "2023-11-14T22:13:20.123456Z",
		"20260301":                  "2026-03-01T00:00:00Z",
	} {
		got, err := parseTime(Value{JSON: "x", Text: in})
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s %v", in, got, err)
		}
	}
	for _, in := range []string{"", "soon", "999999999999", "NaN"} {
		if got, err := parseTime(Value{JSON: "x", Text: in}); err == nil {
			t.Errorf("%q read as %s", in, got)
		}
	}
}

func FuzzCSVRow(f *testing.F) {
	f.Add("user_id,event,time,x\nu,e,2026-01-01,\"\x00\xff\"\n")
	f.Fuzz(func(t *testing.T, in string) {
		var s server
		_, _ = Run(t.Context(), Options{Path: "-", Format: "csv", In: strings.NewReader(in), Mapping: Mapping{Time: "-", EventName: "e"}, Send: s.send})
	})
}

func FuzzNDJSONRow(f *testing.F) {
	f.Add("{\"user_id\":\"u\",\"event\":\"e\",\"time\":1,\"x\":{\"a\":[1]}}\n")
	f.Add("{\"user_id\":\"u\",\"x\":\"\\ud800\"}\n[]\nnull\n{\"user_id\":\"u\",\"x\":1e999}")
	f.Fuzz(func(t *testing.T, in string) {
		var s server
		_, _ = Run(t.Context(), Options{Path: "-", Format: "ndjson", In: strings.NewReader(in), Mapping: Mapping{Time: "-", EventName: "e"}, Send: s.send})
	})
}
