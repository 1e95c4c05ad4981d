package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/demo"
	"github.com/freshet/freshet/internal/progress"
)

type demoCmd struct {
	serverFlags
	jsonFlag
	ReadKey string        `env:"FRESHET_READ_KEY" placeholder:"KEY" help:"Read or admin key, to wait until the events are visible (${env})."`
	Events  int           `default:"100000" help:"How many events to send."`
	People  int           `help:"How many persons there are; default one per 28 events."`
	Days    int           `default:"30" help:"Over how many days the events spread."`
	Seed    uint64        `default:"1" help:"Which of many data sets."`
	End     time.Time     `placeholder:"TIME" help:"Time of the last event, such as 2026-03-01T00:00:00Z; default the full hour now."`
	Batch   int           `default:"500" help:"Events in a request."`
	Senders int           `default:"4" help:"Requests at a time."`
	Live    bool          `help:"Send events as they happen, for ever."`
	Rate    float64       `default:"20" help:"Events a second with --live."`
	History time.Duration `help:"With --live, make up this much of the past first."`
}

// Help implements kong.HelpProvider.
func (demoCmd) Help() string {
	return `Makes up a mobile shop: people come, sign up, use a second device, browse and buy, more by day than by night, and sends
it as Segment calls through the same door as any app. The same seed, number and end give the same events with the same
ids, so sending them again changes nothing.

  freshet demo --key fw_...                                         100,000 events over the last 30 days
  freshet demo --events 10000000 --end 2026-03-01T00:00:00Z         ten million, reproducible on any day
  freshet demo --live --rate 50                                     as it happens, until interrupted`
}

func (c *demoCmd) Run(ctx context.Context, s streams) error {
	if err := c.needKey("a write key"); err != nil {
		return err
	}
	if c.Events <= 0 || c.Days <= 0 || c.Batch <= 0 || c.Senders <= 0 || c.Rate <= 0 {
		return usageError("--events, --days, --batch, --senders and --rate must be greater than 0")
	}
	cl, err := c.client(c.Senders)
	if err != nil {
		return err
	}
	defer cl.Close()
	send := func(ctx context.Context, body []byte) (uint64, error) {
		_, position, err := cl.Send(ctx, client.Request{Path: "/v1/batch", Body: body})
		return position, err
	}
	if c.Live {
		fmt.Fprintf(s.err, "sending about %g events a second to %s; stop with Ctrl-C\n", c.Rate, cl.Base())
		return demo.Live(ctx, demo.LiveOptions{Rate: c.Rate, History: c.History, Send: send})
	}
	if c.End.IsZero() {
		c.End = time.Now().UTC().Truncate(time.Hour)
	}
	return c.load(ctx, s, send)
}

func (c *demoCmd) load(ctx context.Context, s streams, send demo.Sender) error {
	began := time.Now()
	bar := progress.New(s.err, "events", int64(c.Events))
	position, err := demo.Load(ctx, demo.LoadOptions{
		Data:  demo.Options{Seed: c.Seed, Events: c.Events, People: c.People, Days: c.Days, End: c.End},
		Batch: c.Batch, Senders: c.Senders, Send: send, Progress: func(n int) { bar.Set(int64(n)) },
	})
	bar.Done()
	if err != nil {
		return fmt.Errorf("send the demo data: %w", err)
	}
	sent := time.Since(began)
	result := struct {
		Events   int       `json:"events"`
		Position uint64    `json:"position"`
		Seed     uint64    `json:"seed"`
		End      time.Time `json:"end"`
		Seconds  float64   `json:"seconds"`
		Visible  float64   `json:"visible_after_seconds,omitempty"`
	}{Events: c.Events, Position: position, Seed: c.Seed, End: c.End, Seconds: sent.Seconds()}
	if c.ReadKey != "" {
		if err := waitVisible(ctx, c.URL, c.ReadKey, position); err != nil {
			return err
		}
		result.Visible = time.Since(began).Seconds()
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(result)
	}
	fmt.Fprintf(s.out, "%d events acknowledged in %.1f s (%.0f/s), up to position %d\n", c.Events, sent.Seconds(), float64(c.Events)/sent.Seconds(), position)
	if c.ReadKey != "" {
		fmt.Fprintf(s.out, "all visible after %.1f s\n", result.Visible)
	}
	fmt.Fprintf(s.out, "the same data again: freshet demo --events %d --seed %d --end %s\n", c.Events, c.Seed, c.End.Format(time.RFC3339))
	return nil
}

// visibleTimeout bounds the wait for a server that is far behind.
const visibleTimeout = 10 * time.Minute

func waitVisible(ctx context.Context, url, key string, position uint64) error {
	cl, err := client.New(url, key, 1)
	if err != nil {
		return usageError(err.Error())
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, visibleTimeout)
	defer cancel()
	if err := cl.WaitVisible(ctx, position, nil); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the events are safe but were not visible after %s", visibleTimeout)
		}
		return fmt.Errorf("wait until the events are visible: %w", err)
	}
	return nil
}
