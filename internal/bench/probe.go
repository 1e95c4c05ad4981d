package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/demo"
)

// ProbeName is the name of the events that the prober sends.
const ProbeName = "bench_probe"

// Visibility is how long acknowledged events took to show up in answers.
type Visibility struct {
	Probes int     `json:"probes"`
	Failed int     `json:"failed"`
	After  Latency `json:"visible_after"`
}

// Probe sends single marked events, one after the other, and after each acknowledgement asks a question that is answered
// only when the event is visible. It runs until ctx ends. ingest uses a write key, api a read or admin key.
func Probe(ctx context.Context, ingest, api *client.Client, every time.Duration) Visibility {
	var v Visibility
	h := newHistogram()
	t := time.NewTicker(every)
	defer t.Stop()
	run := uint64(time.Now().UnixNano())
	for n := uint64(0); ; n++ {
		select {
		case <-ctx.Done():
			v.After = latencyOf(h)
			return v
		case <-t.C:
		}
		took, err := probe(ctx, ingest, api, string(demo.AppendUUID(nil, scramble(run), scramble(run+n))))
		if ctx.Err() != nil {
			continue
		}
		v.Probes++
		if err != nil {
			v.Failed++
			continue
		}
		_ = h.RecordValue(min(took, maxLatency).Microseconds())
	}
}

// probe returns the time from the acknowledgement to the answer in which the event is counted.
func probe(ctx context.Context, ingest, api *client.Client, id string) (time.Duration, error) {
	now := time.Now().UTC().Format(timeForm)
	body := fmt.Sprintf(`[{"event":%q,"id":%q,"anonymous_id":%q,"timestamp":%q}]`, ProbeName, id, id, now)
	_, position, err := ingest.Send(ctx, client.Request{Path: "/v1/events", Body: []byte(body)})
	if err != nil {
		return 0, err
	}
	acknowledged := time.Now()
	question := map[string]any{
		"kind": "trends", "range": map[string]string{"from": "-1h", "to": "now"}, "interval": "hour",
		"series": []any{map[string]any{"id": "A", "events": []string{ProbeName}, "aggregate": "total"}},
	}
	query := url.Values{"consistent_with": {strconv.FormatUint(position, 10)}, "timeout": {"30s"}}
	err = api.JSON(ctx, client.Request{Method: http.MethodPost, Path: "/v1/query", Query: query}, question, nil)
	return time.Since(acknowledged), err
}
