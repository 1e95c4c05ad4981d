// Command mixpanelsdk sends events through the unmodified Go SDK of Mixpanel, as an app's backend would: go run . [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. The SDK returns errors and never tries again, so the
// trying again is what an app would do: with the same $insert_id.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/mixpanel/mixpanel-go"
)

// batchSize is how many events go into one request.
const batchSize = 25

// backend calls the SDK until it succeeds.
type backend struct{ *mixpanel.ApiClient }

func (backend) sure(call func(context.Context) error) {
	var err error
	for range 50 {
		if err = call(context.Background()); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "given up:", err)
	os.Exit(1)
}

func (b backend) track(events ...*mixpanel.Event) {
	b.sure(func(ctx context.Context) error { return b.Track(ctx, events) })
}

func main() {
	count, err := strconv.Atoi(os.Getenv("EVENTS"))
	if err != nil {
		count = 100
	}
	b := backend{mixpanel.NewApiClient(os.Getenv("FRESHET_KEY"), mixpanel.ProxyApiLocation(os.Getenv("FRESHET_URL")))}
	if len(os.Args) > 1 && os.Args[1] == "scene" {
		b.scene()
	} else {
		b.load(count)
	}
}

// scene links what came before with an alias, as a backend does that knows no devices.
func (b backend) scene() {
	const user = "u-mixpanel-go"
	b.track(b.NewEvent("App Opened", "d1", nil), b.NewEvent("Signed Up", user, nil))
	b.sure(func(ctx context.Context) error {
		return b.PeopleSet(ctx, []*mixpanel.PeopleProperties{mixpanel.NewPeopleProperties(user, map[string]any{"plan": "pro"})})
	})
	b.sure(func(ctx context.Context) error { return b.Alias(ctx, user, "d1") })
	b.sure(func(ctx context.Context) error { return b.GroupSet(ctx, "company", "acme", map[string]any{"size": 12}) })
	b.track(b.NewEvent("Product Viewed", "$device:d2", nil))
	b.sure(func(ctx context.Context) error { return b.Alias(ctx, user, "$device:d2") })
	b.track(b.NewEvent("Purchased", user, map[string]any{"amount": 42.5}))
}

func (b backend) load(count int) {
	for begin := 0; begin < count; begin += batchSize {
		var events []*mixpanel.Event
		for n := begin; n < min(begin+batchSize, count); n++ {
			who := fmt.Sprintf("$device:device-%d", n%10)
			if n%3 == 0 {
				who = fmt.Sprintf("user-%d", n%10)
			}
			e := b.NewEvent([]string{"Product Viewed", "$mp_web_page_view"}[n%2], who, map[string]any{"n": n, "price": float64(n) / 4, "tags": []string{"a", "b"}})
			e.AddTime(time.Now().Add(time.Duration(-n) * time.Second))
			e.AddInsertID(fmt.Sprint("order-", n))
			events = append(events, e)
		}
		if begin/batchSize%2 == 0 {
			b.track(events...)
			continue
		}
		b.sure(func(ctx context.Context) error {
			options := mixpanel.ImportOptions{Strict: begin/batchSize%4 == 1, Compression: mixpanel.Gzip}
			taken, err := b.Import(ctx, events, options)
			if err == nil && taken.NumRecordsImported != len(events) {
				return fmt.Errorf("%d of %d events were taken", taken.NumRecordsImported, len(events))
			}
			return err
		})
	}
}
