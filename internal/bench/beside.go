package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/client"
)

// Asked is how long calls of a kind took; those that failed are in the times, too.
type Asked struct {
	Calls  int     `json:"calls"`
	Failed int     `json:"failed"`
	Took   Latency `json:"took"`
}

// Beside is what an operator and a reader have of a server while it is loaded.
type Beside struct {
	// Ledger asks for a day of the ledger, Change sets the retention of a project, Question counts the events of an hour.
	Ledger   Asked `json:"ledger"`
	Change   Asked `json:"change"`
	Question Asked `json:"question"`
}

// AskBeside makes calls of each kind, one after the other and at most one in every, until ctx ends. The ledger and the question
// are of the admin key's project; the project whose settings are changed is named.
func AskBeside(ctx context.Context, url, admin string, project uint32, every time.Duration) (b Beside, err error) {
	c, err := client.New(url, admin, 3)
	if err != nil {
		return b, err
	}
	defer c.Close()
	question := map[string]any{
		"kind": "trends", "range": map[string]string{"from": "-1h", "to": "now"}, "interval": "hour",
		"series": []any{map[string]any{"id": "A", "aggregate": "unique"}},
	}
	var kinds sync.WaitGroup
	kinds.Go(func() {
		b.Ledger = ask(ctx, every, func(int) error {
			return c.JSON(ctx, client.Request{Method: http.MethodGet, Path: "/v1/ledger"}, nil, new(json.RawMessage))
		})
	})
	kinds.Go(func() {
		b.Change = ask(ctx, every, func(n int) error {
			r := client.Request{Method: http.MethodPatch, Path: fmt.Sprintf("/v1/projects/%d", project)}
			return c.JSON(ctx, r, map[string]int{"retention_days": 1000 + n%2}, new(json.RawMessage))
		})
	})
	kinds.Go(func() {
		b.Question = ask(ctx, every, func(int) error {
			return c.JSON(ctx, client.Request{Method: http.MethodPost, Path: "/v1/query"}, question, new(json.RawMessage))
		})
	})
	kinds.Wait()
	return b, nil
}

// ask counts a call that was cut off by the end of ctx as not made.
func ask(ctx context.Context, every time.Duration, call func(n int) error) (a Asked) {
	h := newHistogram()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			a.Took = latencyOf(h)
			return a
		case <-tick.C:
		}
		began := time.Now()
		err := call(a.Calls)
		if ctx.Err() != nil {
			continue
		}
		a.Calls++
		if err != nil {
			a.Failed++
		}
		_ = h.RecordValue(min(time.Since(began), maxLatency).Microseconds())
	}
}
