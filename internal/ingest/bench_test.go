package ingest_test

import (
	"net/http"
	"testing"

	"github.com/freshet/freshet/internal/demo"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/jsontree"
)

// BenchmarkDecode reads bodies of 500 events of the demo shop; ns/event is what one costs.
func BenchmarkDecode(b *testing.B) {
	g := demo.New(demo.Options{Events: 500})
	body := g.Next(nil, 500)
	var parser jsontree.Parser
	r := &ingest.Request{Path: "/v1/batch", Header: http.Header{}, Body: body, Key: "k", Limits: ingest.DefaultLimits(), Parser: &parser}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ingest.Decode(segment.Protocol{}, r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(500*b.N), "ns/event")
}
