package archive

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// listed is a subscription to entries that are there.
type listed struct{ entries []eventlog.Entry }

func (l *listed) Next(_ context.Context, limit int) ([]eventlog.Entry, error) {
	some := l.entries[:min(limit, len(l.entries))]
	l.entries = l.entries[len(some):]
	return some, nil
}

func (l *listed) Close() error { return nil }

// TestPages writes files of many rows: values in runs and here and there, columns of several pages, positions with gaps,
// and records that turn out to be broken after some of their events were taken.
func TestPages(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "archive-")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		ctx := context.Background()
		w := &writer{bucket: Folder(dir), files: map[place]*output{}}
		var entries []eventlog.Entry
		var c event.Encoder
		at := eventlog.Position(0)
		stays := rapid.SampledFrom([]int{1, 3, 50, 5000}).Draw(r, "run")
		long := strings.Repeat("0123456789", rapid.SampledFrom([]int{0, 1, 300, 3000}).Draw(r, "long"))
		rows := 0
		for range rapid.IntRange(1, 12).Draw(r, "records") {
			at += eventlog.Position(rapid.SampledFrom([]uint64{0, 0, 0, 1, 1000, 1 << 40}).Draw(r, "gap"))
			c.Begin(event.Header{Project: 1, ReceivedAt: day(0) + int64(rows), Protocol: "native"})
			for range rapid.SampledFrom([]int{1, 7, 8, 9, 300}).Draw(r, "events") {
				e := event.Event{Name: fmt.Sprint("event ", rows%5), ID: fmt.Sprint(rows), SentFresh: rows/stays%2 == 0}
				if rows/stays%2 == 1 {
					e.UserID, e.OriginalTime = "user", day(0)-int64(rows*rows)
					e.Context.PageURL = long[:len(long)*(rows%7)/7]
					e.Context.ScreenDensity = float64(rows % 3)
				}
				if rows%13 == 0 {
					c.AddDead(event.Dead{Code: "broken", Body: []byte(long)})
				} else {
					c.Add(&e)
				}
				rows++
			}
			payload := slices.Clone(c.Payload())
			if rapid.IntRange(0, 4).Draw(r, "broken") == 0 {
				payload = payload[:len(payload)-3]
			}
			entries = append(entries, eventlog.Entry{First: at, Events: c.Len(), Payload: payload})
			at = entries[len(entries)-1].End()
		}
		for i := range entries {
			if err := w.add(ctx, &entries[i]); err != nil {
				r.Fatal(err)
			}
		}
		files, err := w.finish(ctx)
		if err != nil || len(files) == 0 {
			r.Fatal(files, err)
		}
		var back []eventlog.Entry
		for i := range files {
			some, err := readEntries(ctx, w.bucket, &files[i])
			if err != nil {
				r.Fatal(err)
			}
			back = append(back, some...)
		}
		slices.SortFunc(back, func(a, b eventlog.Entry) int {
			if a.First < b.First {
				return -1
			}
			return 1
		})
		want, _ := items(t, &listed{entries}, at)
		got, _ := items(t, &listed{back}, at)
		same(t, got, want)
	})
}
