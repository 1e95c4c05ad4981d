// Command posthogsdk sends events through the unmodified Go SDK of PostHog, as an app's backend would: go run . [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthog/posthog-go"
)

// told hears of what the SDK has delivered or given up.
type told struct {
	waiting sync.WaitGroup
	failed  atomic.Int64
}

// Success implements posthog.Callback.
func (d *told) Success(posthog.APIMessage) { d.waiting.Done() }

// Failure implements posthog.Callback.
func (d *told) Failure(_ posthog.APIMessage, err error) {
	d.failed.Add(1)
	fmt.Fprintln(os.Stderr, "the SDK gave up:", err)
	d.waiting.Done()
}

// backend sends events and waits for them: the SDK tries only once after Close.
type backend struct {
	posthog.Client
	told *told
}

func (b backend) send(m posthog.Message) {
	b.told.waiting.Add(1)
	if err := b.Enqueue(m); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	count, err := strconv.Atoi(os.Getenv("EVENTS"))
	if err != nil {
		count = 100
	}
	told := &told{}
	client, err := posthog.NewWithConfig(os.Getenv("FRESHET_KEY"), posthog.Config{
		Endpoint: os.Getenv("FRESHET_URL"), BatchSize: 50, Interval: 200 * time.Millisecond, Callback: told,
		RetryAfter: func(int) time.Duration { return 50 * time.Millisecond },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	b := backend{client, told}
	if len(os.Args) > 1 && os.Args[1] == "scene" {
		b.scene()
	} else {
		b.load(count)
	}
	told.waiting.Wait()
	if err := client.Close(); err != nil || told.failed.Load() > 0 {
		fmt.Fprintln(os.Stderr, told.failed.Load(), "events were not delivered:", err)
		os.Exit(1)
	}
}

func anonymous() posthog.Properties {
	return posthog.NewProperties().Set("$process_person_profile", false)
}

func (b backend) scene() {
	const user = "u-posthog-go"
	b.send(posthog.Capture{DistinctId: "d1", Event: "App Opened", Properties: anonymous()})
	b.send(posthog.Capture{DistinctId: user, Event: "Signed Up"})
	b.send(posthog.Identify{DistinctId: user, Properties: posthog.NewProperties().Set("plan", "pro")})
	b.send(posthog.Alias{DistinctId: user, Alias: "d1"})
	b.send(posthog.Capture{DistinctId: "d2", Event: "Product Viewed", Properties: anonymous()})
	b.send(posthog.Alias{DistinctId: user, Alias: "d2"})
	b.send(posthog.Capture{DistinctId: user, Event: "Purchased", Properties: posthog.NewProperties().Set("amount", 42.5)})
}

func (b backend) load(count int) {
	for n := range count {
		m := posthog.Capture{
			DistinctId: fmt.Sprintf("device-%d", n%300), Timestamp: time.Now().Add(time.Duration(-n) * time.Second), Properties: anonymous(),
			Event: []string{fmt.Sprintf("event %d", n%7), "$pageview", "$screen", "Product Viewed"}[n%4], Groups: posthog.NewGroups().Set("company", "acme"),
		}
		if n%3 == 0 {
			m.DistinctId, m.Properties = fmt.Sprintf("user-%d", n%300), posthog.NewProperties()
		}
		m.Properties.Set("n", n).Set("price", float64(n)/4)
		b.send(m)
		if n%100 != 0 {
			continue
		}
		b.send(posthog.Identify{DistinctId: m.DistinctId, Properties: posthog.NewProperties().Set("plan", "pro")})
		b.send(posthog.GroupIdentify{Type: "company", Key: "acme", Properties: posthog.NewProperties().Set("size", n)})
		b.send(posthog.Alias{DistinctId: m.DistinctId, Alias: fmt.Sprintf("old-%d", n)})
	}
}
