// Command storm takes a server away from a swarm of phones for a minute and gives it back: how soon they are rid of what
// they have queued, how often they try, and whether the server bears it. It starts and kills the server itself: the command
// for that follows its flags. It writes a table to its output, and two pictures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// plan is what happens when.
type plan struct {
	url, key, pictures, machine string
	phones, events              int
	every, calm, outage, after  time.Duration
	server                      []string
}

func main() {
	var p plan
	flag.StringVar(&p.url, "url", "http://127.0.0.1:18780", "the server")
	flag.StringVar(&p.key, "key", "", "a write key")
	flag.StringVar(&p.pictures, "svg", "", "what the names of the pictures begin with")
	flag.StringVar(&p.machine, "machine", "", "the machine, for the pictures")
	flag.IntVar(&p.phones, "phones", 10_000, "how many phones there are")
	flag.IntVar(&p.events, "events", 50, "the events of a batch")
	flag.DurationVar(&p.every, "every", 30*time.Second, "how often a phone has a batch to send")
	flag.DurationVar(&p.calm, "calm", 20*time.Second, "how long the server is there first")
	flag.DurationVar(&p.outage, "outage", time.Minute, "how long it is away")
	flag.DurationVar(&p.after, "after", 100*time.Second, "how long it is there again")
	flag.Parse()
	p.server = flag.Args()
	if err := p.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(1)
	}
}

func (p plan) run(ctx context.Context) error {
	if len(p.server) == 0 {
		return errors.New("the command that starts the server is missing")
	}
	server, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer func() { stop(server) }()
	s := newSwarm(p)
	swarming, end := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { s.run(swarming) })
	defer work.Wait()
	defer end()
	wait(ctx, p.calm)
	stop(server)
	gone := s.second()
	wait(ctx, p.outage)
	if server, err = p.start(ctx); err != nil {
		return err
	}
	back := s.second()
	wait(ctx, p.after)
	end()
	work.Wait()
	return s.tell(gone, back)
}

// start returns when the server is ready.
func (p plan) start(ctx context.Context) (*exec.Cmd, error) {
	c := exec.CommandContext(ctx, p.server[0], p.server[1:]...) //nolint:gosec // the command is the caller's
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	for range 6000 {
		if p.ready(ctx) {
			return c, nil
		}
		wait(ctx, 10*time.Millisecond)
	}
	stop(c)
	return nil, errors.New("the server is not ready within a minute")
}

func (p plan) ready(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// stop kills the server: an outage says no goodbye.
func stop(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

// wait returns after a while, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
