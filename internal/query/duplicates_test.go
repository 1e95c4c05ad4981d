package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// TestDuplicates compares answers with sums made one duplicate at a time, over a change of the clocks, with more SDKs than
// are told by themselves.
func TestDuplicates(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, t.TempDir())
	t.Cleanup(func() { _ = s.Close() })
	r := rand.New(rand.NewPCG(4, 2))
	first := time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC)
	type key struct {
		sdk   store.SDK
		start time.Time
	}
	want, total := map[string]map[key]int64{"hour": {}, "day": {}}, int64(0)
	for i := range 2000 {
		hour := first.Add(time.Duration(r.IntN(60)) * time.Hour)
		// Few versions an hour, many over all.
		sdk := store.SDK{Name: "sdk", Version: fmt.Sprint(hour.Unix()/7200%30, ".", r.IntN(1+r.IntN(6)))}
		s.Count(1, hour.Unix(), store.Counts{Accepted: 1, Duplicate: 1})
		s.CountDuplicate(1, hour.Unix(), sdk)
		if hour.Before(first.Add(time.Hour)) {
			continue // outside of what is asked
		}
		local := hour.In(berlin)
		want["hour"][key{sdk, hour}]++
		want["day"][key{sdk, time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, berlin).UTC()}]++
		total++
		if i%500 == 0 {
			if err := s.Commit(context.Background(), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Commit(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	e := engine(t, query.Options{Store: s})
	scope := query.Scope{Project: 1, Zone: berlin}
	for interval, sent := range want {
		got, err := e.Duplicates(context.Background(), scope, first.Add(time.Hour), first.Add(60*time.Hour), interval)
		if err != nil || got.Total != total || got.Interval != interval {
			t.Fatalf("%+v %v, want %d", got, err, total)
		}
		sum, other, last := int64(0), int64(0), int64(1<<62)
		for _, sdk := range got.SDKs {
			of := int64(0)
			for i, b := range sdk.Buckets {
				if i > 0 && !sdk.Buckets[i-1].Start.Before(b.Start) {
					t.Errorf("%s: the buckets of %+v are not in order", interval, sdk)
				}
				of += b.Duplicates
				k := key{store.SDK{Name: sdk.Library, Version: sdk.LibraryVersion}, b.Start}
				if n := sent[k]; sdk.Library != "$other" && n != b.Duplicates {
					t.Errorf("%s: %+v has %d, want %d", interval, k, b.Duplicates, n)
				}
				delete(sent, k)
			}
			if of != sdk.Duplicates || sdk.Library != "$other" && of > last {
				t.Errorf("%s: %d in the buckets of %+v, after %d", interval, of, sdk, last)
			}
			sum += of
			if last = of; sdk.Library == "$other" {
				other = of
			}
		}
		for _, n := range sent {
			other -= n
		}
		if sum != total || other != 0 || len(got.SDKs) != 101 {
			t.Errorf("%s: %d of %d, %d too many are together, %d SDKs", interval, sum, total, other, len(got.SDKs))
		}
	}
	for _, c := range []struct {
		to       time.Time
		interval string
		code     string
	}{{first, "day", "bad_range"}, {first.AddDate(2, 0, 0), "day", "range_too_long"}, {first.AddDate(0, 0, 1), "week", "unknown_word"}} {
		var refused *event.Error
		if _, err := e.Duplicates(context.Background(), scope, first, c.to, c.interval); !errors.As(err, &refused) || refused.Code != c.code {
			t.Errorf("%+v: %v", c, err)
		}
	}
	none, err := e.Duplicates(context.Background(), query.Scope{Project: 2, Zone: berlin}, first, first.AddDate(0, 0, 1), "day")
	if err != nil || none.SDKs == nil || len(none.SDKs) != 0 || none.Total != 0 {
		t.Errorf("%+v %v", none, err)
	}
}
