package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// Duplicates tells which SDKs sent events again that had arrived already.
type Duplicates struct {
	// SDKs are those that sent duplicates, the most first, at most 100 and what is together under "$other".
	SDKs []SDKDuplicates `json:"sdks"`
	// Interval is "hour" or "day": how long a bucket is.
	Interval string `json:"interval"`
	// Total is what the ledger says for the same hours: the SDKs add up to it.
	Total     int64           `json:"total"`
	Watermark store.Watermark `json:"watermark"`
}

// SDKDuplicates are the duplicates of one version of an SDK.
type SDKDuplicates struct {
	// Library and LibraryVersion are empty where the sender did not say them. "$other" are versions beyond the first 50 of an
	// hour, "$untold" is what was counted before SDKs were told apart.
	Library        string `json:"library"`
	LibraryVersion string `json:"library_version"`
	Duplicates     int64  `json:"duplicates"`
	// Buckets are those that have duplicates, in the order of time.
	Buckets []DuplicateBucket `json:"buckets"`
}

// DuplicateBucket is an hour of receipt, or the hours that begin on a day of the project.
type DuplicateBucket struct {
	Start      time.Time `json:"start"`
	Duplicates int64     `json:"duplicates"`
}

const maxSDKs = 100

// Duplicates returns the duplicates that were received within [from, to), at most 8784 hours (366 days), by SDK and interval,
// which is "hour" or "day".
func (e *Engine) Duplicates(ctx context.Context, s Scope, from, to time.Time, interval string) (*Duplicates, error) {
	if err := checkHours(from, to); err != nil {
		return nil, err
	}
	if interval != "hour" && interval != "day" {
		return nil, &event.Error{
			Kind: event.Invalid, Code: "unknown_word", Field: "interval", Message: quoteShort(interval) + " is not one of hour, day",
		}
	}
	reader := e.of(s.Project)
	out := &Duplicates{SDKs: []SDKDuplicates{}, Interval: interval, Watermark: reader.Watermark()}
	rows, err := reader.Duplicates(ctx, s.Project, from.Truncate(time.Hour).Unix(), to.Unix())
	if err != nil {
		return nil, fmt.Errorf("read duplicates: %w", err)
	}
	sums := map[store.SDK]int64{}
	for _, d := range rows {
		sums[d.SDK] += d.Count
		out.Total += d.Count
	}
	shown := shownSDKs(sums)
	for _, d := range rows {
		sdk := d.SDK
		if _, ok := shown[sdk]; !ok {
			sdk = store.OtherSDKs
		}
		n, ok := shown[sdk]
		if !ok {
			n = len(shown)
			shown[sdk] = n
		}
		for len(out.SDKs) <= n {
			out.SDKs = append(out.SDKs, SDKDuplicates{Buckets: []DuplicateBucket{}})
		}
		out.SDKs[n].Library, out.SDKs[n].LibraryVersion = sdk.Name, sdk.Version
		out.SDKs[n].add(bucketOf(d.Hour, interval, s.Zone), d.Count)
	}
	return out, nil
}

// shownSDKs has the places of those that are told by themselves, the most duplicates first.
func shownSDKs(sums map[store.SDK]int64) map[store.SDK]int {
	all := make([]store.SDK, 0, len(sums))
	for sdk := range sums {
		all = append(all, sdk)
	}
	slices.SortFunc(all, func(a, b store.SDK) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	out := map[store.SDK]int{}
	for _, sdk := range all[:min(len(all), maxSDKs)] {
		out[sdk] = len(out)
	}
	return out
}

// add counts into the bucket, which is the last one or a later one.
func (d *SDKDuplicates) add(start time.Time, n int64) {
	d.Duplicates += n
	if last := len(d.Buckets) - 1; last >= 0 && d.Buckets[last].Start.Equal(start) {
		d.Buckets[last].Duplicates += n
		return
	}
	d.Buckets = append(d.Buckets, DuplicateBucket{start, n})
}

func bucketOf(hour int64, interval string, zone *time.Location) time.Time {
	t := time.Unix(hour, 0)
	if interval == "hour" {
		return t.UTC()
	}
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone).UTC()
}
