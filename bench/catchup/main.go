// Command catchup measures how a server comes up to date that has accepted events without processing them, while more
// arrive: how many it processes a second, and how old what it shows is meanwhile. -fill sends the load of which the backlog is
// to be made instead. It writes a table to its output, and a picture.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/freshet/freshet/internal/bench"
	"github.com/freshet/freshet/internal/client"
)

// plan is what is asked for.
type plan struct {
	url, write, read, picture, machine string
	fill, most                         time.Duration
	rate                               float64
}

func main() {
	var p plan
	flag.StringVar(&p.url, "url", "http://127.0.0.1:18780", "the server")
	flag.StringVar(&p.write, "key", "", "a write key")
	flag.StringVar(&p.read, "read-key", "", "a key that may read")
	flag.StringVar(&p.picture, "svg", "", "file for the picture")
	flag.StringVar(&p.machine, "machine", "", "the machine, for the picture")
	flag.DurationVar(&p.fill, "fill", 0, "send as much as the server takes for so long, and nothing else")
	flag.DurationVar(&p.most, "most", 3*time.Minute, "how long to watch at most")
	flag.Float64Var(&p.rate, "rate", 1000, "the events a second that arrive meanwhile")
	flag.Parse()
	f := p.watch
	if p.fill > 0 {
		f = p.load
	}
	if err := f(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "catchup:", err)
		os.Exit(1)
	}
}

// batch is how many events a request has.
const batch = 100

func (p plan) load(ctx context.Context) error {
	r, err := bench.Run(ctx, bench.Options{URL: p.url, Key: p.write, Conns: 16, Batch: batch, Duration: p.fill})
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	fmt.Printf("Accepted and processed at once, closed loop of 16 connections: %.0f events a second, %d in all.\n\n", r.EventsPerSecond, r.AllEvents)
	return nil
}

// status is what is read of the server's.
type status struct {
	Watermark struct {
		Position uint64
		Time     time.Time
		Preview  *struct{ Until time.Time }
	}
	Lag struct {
		Events  uint64
		Seconds float64
	}
}

// newest is how old the newest event is that answers have.
func (s status) newest() time.Duration {
	at := s.Watermark.Time
	if p := s.Watermark.Preview; p != nil && p.Until.After(at) {
		at = p.Until
	}
	return time.Since(at)
}

// watch looks at the server twice a second until it is up to date.
func (p plan) watch(ctx context.Context) error {
	c, err := client.New(p.url, p.read, 1)
	if err != nil {
		return fmt.Errorf("reach the server: %w", err)
	}
	defer c.Close()
	began := time.Now()
	first, err := p.first(ctx, c)
	if err != nil {
		return err
	}
	ready := time.Since(began)
	loading, end := context.WithCancel(ctx)
	loaded := make(chan bench.Result, 1)
	go func() {
		r, _ := bench.Run(loading, bench.Options{URL: p.url, Key: p.write, Conns: 64, Batch: batch, Rate: p.rate, Duration: p.most, Seed: 7})
		loaded <- r
	}()
	waits := bench.Series{Name: "events that wait (thousands)"}
	fmt.Println("| seconds | processed/s | events that wait | age up to where answers are complete, s | age of the newest that is shown, s |")
	fmt.Println("|---|---|---|---|---|")
	var ahead time.Duration // the first moment at which something was shown ahead
	var oldest time.Duration
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last, at, done := first, time.Now(), time.Duration(0)
	for n := 1; done == 0 && time.Since(began) < p.most; n++ {
		<-tick.C
		s, err := p.ask(ctx, c)
		if err != nil {
			end()
			return err
		}
		waits.X, waits.Y = append(waits.X, time.Since(began).Seconds()), append(waits.Y, float64(s.Lag.Events)/1000)
		if s.Watermark.Preview != nil {
			if ahead == 0 {
				ahead = time.Since(began)
			}
			oldest = max(oldest, s.newest())
		}
		if s.Lag.Events < uint64(p.rate) {
			done = time.Since(began)
		}
		if n%10 == 0 || done > 0 {
			rate := float64(s.Watermark.Position-last.Watermark.Position) / time.Since(at).Seconds()
			fmt.Printf("| %.0f | %.0f | %d | %.1f | %.1f |\n", time.Since(began).Seconds(), rate, s.Lag.Events, s.Lag.Seconds, s.newest().Seconds())
			last, at = s, time.Now()
		}
	}
	end()
	live := <-loaded
	if done == 0 {
		return fmt.Errorf("not up to date within %s", p.most)
	}
	now, err := p.ask(ctx, c)
	if err != nil {
		return err
	}
	per := float64(now.Watermark.Position-first.Watermark.Position) / (done - ready).Seconds()
	fmt.Printf("\n%d events waited. The server answered after %.1f s and was up to date after %.1f s: %.0f events a second, "+
		"beside %.0f that arrived (p99 of their acknowledgement %.0f ms, %d requests refused).\n",
		first.Lag.Events, ready.Seconds(), done.Seconds(), per, p.rate, live.Ack.P99, refusals(live))
	if ahead > 0 {
		fmt.Printf("From %.1f s on the newest events were shown ahead, %.1f s old at most.\n", ahead.Seconds(), oldest.Seconds())
	}
	if p.picture == "" {
		return nil
	}
	chart := bench.Chart{Title: "Coming up to date; " + p.machine, X: "seconds", Y: "thousands of events", Series: []bench.Series{waits}}
	if err := os.WriteFile(p.picture, []byte(chart.SVG()), 0o600); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// first is the first status that the server answers with.
func (p plan) first(ctx context.Context, c *client.Client) (status, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < p.most; <-tick.C {
		if s, err := p.ask(ctx, c); err == nil {
			return s, nil
		}
	}
	return status{}, errors.New("the server does not answer")
}

func (p plan) ask(ctx context.Context, c *client.Client) (s status, err error) {
	if err = c.JSON(ctx, client.Request{Method: "GET", Path: "/v1/status"}, nil, &s); err != nil {
		return s, fmt.Errorf("ask for the status: %w", err)
	}
	return s, nil
}

func refusals(r bench.Result) (n int) {
	for _, c := range r.Errors {
		n += c
	}
	return n
}
