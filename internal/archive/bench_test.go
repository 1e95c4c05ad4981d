package archive

import (
	"context"
	"fmt"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// appEvents is a record of n events as an app's SDK sends them: a dozen texts of the device, six properties.
func appEvents(from, n int) []byte {
	var c event.Encoder
	c.Begin(event.Header{Project: 1, ReceivedAt: day(0) + int64(from), Protocol: "segment"})
	for i := range n {
		k := from + i
		c.Add(&event.Event{
			Name: []string{"screen", "add_to_cart", "purchase", "search"}[k%4], ID: fmt.Sprintf("%08x-1111-4222-8333-%012x", k*2654435761&0xffffffff, k*7919),
			UserID: fmt.Sprintf("user-%d", k%5000), AnonymousID: fmt.Sprintf("a%08x-1111-4222-8333-444455556666", k%7000), SessionID: fmt.Sprint(k / 20),
			OriginalTime: day(0) + int64(k*1000), SentAt: day(0) + int64(from),
			Context: event.Context{
				AppName: "Shop", AppVersion: "3.4.1", AppBuild: "341", DeviceManufacturer: "Apple", DeviceModel: fmt.Sprintf("iPhone%d,2", k%15), DeviceType: "ios",
				OSName: "iOS", OSVersion: "19.1", Locale: "en-US", Timezone: "Europe/Berlin", IP: fmt.Sprintf("10.%d.%d.%d", k>>16&255, k>>8&255, k&255),
				LibraryName: "analytics-ios", LibraryVersion: "4.1.0", NetworkType: "wifi", ScreenWidth: 390, ScreenHeight: 844,
			},
			Properties: []event.Property{
				{Key: "price", Type: event.Number, Num: float64(k%1000) + .5},
				{Key: "sku", Type: event.String, Str: fmt.Sprintf("sku-%d", k%997)},
				{Key: "category", Type: event.String, Str: "shoes"},
				{Key: "quantity", Type: event.Number, Num: float64(k % 5)},
				{Key: "member", Type: event.Bool, Num: float64(k & 1)},
				{Key: "order", Type: event.String, Str: fmt.Sprintf("o-%d", k*31)},
			},
		})
	}
	return c.Payload()
}

// BenchmarkBatch is what archiving costs an event, read-back included, and how large it becomes.
func BenchmarkBatch(b *testing.B) {
	const each = 50
	ctx := context.Background()
	var entries []eventlog.Entry
	for i := range 131_072 / each {
		entries = append(entries, eventlog.Entry{First: eventlog.Position(i * each), Events: each, Payload: append([]byte(nil), appEvents(i*each, each)...)})
	}
	b.ReportAllocs()
	b.ResetTimer()
	var size int64
	for range b.N {
		w := &writer{bucket: Folder(b.TempDir()), files: map[place]*output{}}
		for i := range entries {
			if err := w.add(ctx, &entries[i]); err != nil {
				b.Fatal(err)
			}
		}
		files, err := w.finish(ctx)
		if err != nil {
			b.Fatal(err)
		}
		size = files[0].Bytes
	}
	events := float64(len(entries) * each)
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/events, "ns/event")
	b.ReportMetric(float64(size)/events, "B/event")
}
