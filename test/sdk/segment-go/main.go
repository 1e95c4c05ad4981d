// Command segmentsdk sends events through the unmodified Go SDK of Segment, as an app's backend would: go run . [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

// told hears of what the SDK has delivered or given up.
type told struct{ waiting sync.WaitGroup }

// Success implements analytics.Callback.
func (d *told) Success(analytics.Message) { d.waiting.Done() }

// Failure implements analytics.Callback.
func (d *told) Failure(_ analytics.Message, err error) {
	fmt.Fprintln(os.Stderr, "the SDK gave up:", err)
	os.Exit(1)
}

// backend sends events and waits for them: after Close the SDK tries only once.
type backend struct {
	analytics.Client
	told *told
}

func (b backend) send(m analytics.Message) {
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
	client, err := analytics.NewWithConfig(os.Getenv("FRESHET_KEY"), analytics.Config{
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
	if err := client.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (b backend) scene() {
	const user = "u-segment-go"
	b.send(analytics.Track{AnonymousId: "d1", Event: "App Opened"})
	b.send(analytics.Track{AnonymousId: "d1", UserId: user, Event: "Signed Up"})
	b.send(analytics.Identify{AnonymousId: "d1", UserId: user, Traits: analytics.NewTraits().Set("plan", "pro")})
	b.send(analytics.Track{AnonymousId: "d2", Event: "Product Viewed"})
	b.send(analytics.Identify{AnonymousId: "d2", UserId: user})
	b.send(analytics.Track{AnonymousId: "d2", UserId: user, Event: "Purchased", Properties: analytics.NewProperties().Set("amount", 42.5)})
}

func (b backend) load(count int) {
	for n := range count {
		user, anonymous := fmt.Sprint("user-", n%300), fmt.Sprint("anonymous-", n%300)
		when := time.Now().Add(-time.Duration(n) * time.Second)
		switch n % 5 {
		case 0:
			b.send(analytics.Page{UserId: user, AnonymousId: anonymous, Timestamp: when, Name: "Home", Properties: analytics.NewProperties().Set("n", n)})
		case 1:
			b.send(analytics.Screen{UserId: user, AnonymousId: anonymous, Timestamp: when, Name: "Cart", Properties: analytics.NewProperties().Set("n", n)})
		case 2:
			b.send(analytics.Identify{UserId: user, AnonymousId: anonymous, Timestamp: when, Traits: analytics.NewTraits().Set("n", n)})
		case 3:
			b.send(analytics.Group{GroupId: "team", UserId: user, AnonymousId: anonymous, Timestamp: when, Traits: analytics.NewTraits().Set("n", n)})
		default:
			b.send(analytics.Track{UserId: user, AnonymousId: anonymous, Timestamp: when, Event: fmt.Sprint("event ", n%7), Properties: analytics.NewProperties().Set("n", n).Set("price", float64(n)/4)})
		}
	}
}
