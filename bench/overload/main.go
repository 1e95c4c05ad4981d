// Command overload measures what a server does under more load than it can take: the events it accepts and how soon, at
// half of what it can take, the whole, and two, five and ten times that, and at half again; and what a small project has of
// it beside one that floods; and how soon the ledger, a change of a setting and a question are answered meanwhile. It writes two
// tables to its output, and two pictures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/freshet/freshet/internal/bench"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:18780", "the server")
	key := flag.String("key", "", "write key of the project that floods")
	other := flag.String("other", "", "write key of the project that does not")
	admin := flag.String("admin", "", "admin key, of the project that floods")
	project := flag.Uint("project", 2, "number of the project that does not, whose settings are changed")
	pictures := flag.String("svg", "", "what the names of the pictures begin with")
	each := flag.Duration("each", 10*time.Second, "how long a step takes")
	loads := flag.String("loads", "0.5,1,most,2,most,5,most,10,0.5", "the loads, as multiples of the most, or that as a closed loop")
	machine := flag.String("machine", "", "the machine, for the pictures")
	flag.Parse()
	t := target{url: *url, key: *key, other: *other, admin: *admin, project: uint32(*project), each: *each}
	if err := run(context.Background(), t, *pictures, *machine, *loads); err != nil {
		fmt.Fprintln(os.Stderr, "overload:", err)
		os.Exit(1)
	}
}

// target is the server, the write keys of the project that floods and of the other, and how long a step takes.
type target struct {
	url, key, other, admin string
	// project is the number of the one that does not flood.
	project uint32
	each    time.Duration
}

// step is a load and what came of it.
type step struct {
	name             string
	flood, rest      bench.Result
	beside           bench.Beside
	refused, offered float64
	megabytes        float64
	// per is how many events were accepted for each second of the server's processor.
	per float64
	// own is the part of the time for which the load itself kept a processor busy.
	own float64
}

// batch is how many events a request has, small how many events the small project sends a second. Its connections are so
// many that a request is sent when it is due, whatever became of the ones before. peakConns are those of the closed loops.
const (
	peakConns = 16
	// most is the step in which the flood is a closed loop, too.
	most       = "most"
	batch      = 100
	small      = 1000
	smallConns = 64
)

func run(ctx context.Context, t target, pictures, machine, loads string) error {
	url, key, each := t.url, t.key, t.each
	alone, err := bench.Run(ctx, bench.Options{URL: url, Key: t.other, Conns: smallConns, Batch: 10, Rate: small, Warmup: time.Second, Duration: each, Seed: 2})
	if err != nil {
		return fmt.Errorf("measure the small project alone: %w", err)
	}
	calm, stop := context.WithTimeout(ctx, each)
	defer stop()
	beside, err := bench.AskBeside(calm, url, t.admin, t.project, askEvery)
	if err != nil {
		return fmt.Errorf("measure what is asked beside it: %w", err)
	}
	took := metric(ctx, url, processorLine)
	peak, err := bench.Run(ctx, bench.Options{URL: url, Key: key, Conns: peakConns, Batch: batch, Warmup: 10 * time.Second, Duration: each})
	if err != nil {
		return fmt.Errorf("measure the most: %w", err)
	}
	fmt.Printf("most, closed loop of 16 connections: %.0f events a second, %.0f per second of the server's processor, p99 %.0f ms, %.0f MB; the small project alone: p50 %.0f ms, p99 %.0f ms\n\n",
		peak.EventsPerSecond, float64(peak.AllEvents)/(metric(ctx, url, processorLine)-took), peak.Ack.P99, metric(ctx, url, memoryLine)/1e6, alone.Ack.P50, alone.Ack.P99)
	fmt.Println("| load | offered/s | accepted/s | of the most | accepted per second of the server's processor | p50 ms | p99 ms | refused/s | refused within, p50 and p99 ms | memory MB | small project: refused of sent | its p50 ms | its p99 ms | the load's own core |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	var steps []step
	for text := range strings.SplitSeq(loads, ",") {
		factor, name := 0.0, text
		if text != most {
			if factor, err = strconv.ParseFloat(text, 64); err != nil {
				return fmt.Errorf("load %q: %w", text, err)
			}
			name = fmt.Sprintf("%gx", factor)
		}
		s, err := measure(ctx, t, factor*peak.EventsPerSecond)
		if err != nil {
			return fmt.Errorf("measure %s: %w", name, err)
		}
		s.name = name
		refused := refusals(s.rest)
		fmt.Printf("| %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f | %.0f | %.1f, %.0f | %.0f | %d of %d | %.0f | %.0f | %.0f %% |\n", s.name, s.offered, s.flood.EventsPerSecond,
			s.flood.EventsPerSecond/peak.EventsPerSecond, s.per, s.flood.Ack.P50, s.flood.Ack.P99, s.refused, s.flood.Refused.P50, s.flood.Refused.P99, s.megabytes,
			refused, s.rest.Requests+int64(refused), s.rest.Ack.P50, s.rest.Ack.P99, 100*s.own)
		steps = append(steps, s)
	}
	printShares(steps)
	printBeside(beside, steps)
	if pictures == "" {
		return nil
	}
	return draw(steps, peak, alone, pictures, machine)
}

// printShares compares what was accepted of a flood with the steps in between, in which just as much was asked beside it and the
// store behind was as full.
func printShares(steps []step) {
	var sum float64
	var took, shares []string
	for _, s := range steps {
		if s.name == most {
			sum += s.flood.EventsPerSecond
			took = append(took, fmt.Sprintf("%.0f", s.flood.EventsPerSecond))
		}
	}
	if len(took) == 0 {
		return
	}
	mean := sum / float64(len(took))
	for _, s := range steps {
		if s.offered > mean && s.name != most {
			shares = append(shares, fmt.Sprintf("%.2f at %s", s.flood.EventsPerSecond/mean, s.name))
		}
	}
	fmt.Printf("\nBeside the same calls the closed loop took %s events a second in the steps named %q, %.0f on average. Of that were accepted: %s.\n",
		strings.Join(took, ", "), most, mean, strings.Join(shares, ", "))
}

// measure floods at a rate, with the small project and the calls beside; at rate 0 the flood is as much as the server takes from
// peakConns connections.
func measure(ctx context.Context, t target, rate float64) (s step, err error) {
	url, each := t.url, t.each
	began, used, took := time.Now(), cpu(), metric(ctx, url, processorLine)
	beside, asked := make(chan error, 1), make(chan error, 1)
	calls, stop := context.WithTimeout(ctx, each)
	defer stop()
	go func() {
		var err error
		s.beside, err = bench.AskBeside(calls, url, t.admin, t.project, askEvery)
		asked <- err
	}()
	go func() {
		var err error
		s.rest, err = bench.Run(ctx, bench.Options{URL: url, Key: t.other, Conns: smallConns, Batch: 10, Rate: small, Duration: each, Seed: 2})
		beside <- err
	}()
	conns := 256
	if rate == 0 {
		conns = peakConns
	}
	s.flood, err = bench.Run(ctx, bench.Options{URL: url, Key: t.key, Conns: conns, Batch: batch, Rate: rate, Duration: each})
	s.megabytes = metric(ctx, url, memoryLine) / 1e6
	s.per = float64(s.flood.AllEvents) / (metric(ctx, url, processorLine) - took)
	if err := errors.Join(err, <-beside, <-asked); err != nil {
		return s, err
	}
	s.own = float64(cpu()-used) / float64(time.Since(began))
	s.refused = float64(refusals(s.flood)) / s.flood.Seconds
	s.offered = s.flood.EventsPerSecond + s.refused*batch
	return s, nil
}

// cpu is the time for which this process has kept processors busy.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func refusals(r bench.Result) (n int) {
	for _, c := range r.Errors {
		n += c
	}
	return n
}

var (
	memoryLine    = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)$`)
	processorLine = regexp.MustCompile(`(?m)^process_cpu_seconds_total (\S+)$`)
)

// metric is a figure that the server tells of itself; 0 when it does not.
func metric(ctx context.Context, url string, line *regexp.Regexp) float64 {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	found := line.FindSubmatch(text)
	if found == nil {
		return 0
	}
	v, _ := strconv.ParseFloat(string(found[1]), 64)
	return v
}

// draw shows for each step what was accepted and refused, and how long requests took.
func draw(steps []step, peak, alone bench.Result, pictures, machine string) error {
	accepted, refused := bench.Series{Name: "accepted"}, bench.Series{Name: "refused"}
	flood, rest := bench.Series{Name: "the flood"}, bench.Series{Name: "the small project"}
	load := bench.Chart{
		Title: fmt.Sprintf("Events a second; the most is %.0f; %s", peak.EventsPerSecond, machine),
		X:     "load, as a multiple of the most", Y: "events a second",
	}
	fair := bench.Chart{
		Title: "p99 of what is accepted, from when it was due; " + machine, X: "load of the flood, as a multiple of the most", Y: "ms",
		Names: []string{"none"},
	}
	flood.Y, rest.Y = []float64{0}, []float64{alone.Ack.P99}
	for _, s := range steps {
		load.Names, fair.Names = append(load.Names, s.name), append(fair.Names, s.name)
		accepted.Y, refused.Y = append(accepted.Y, s.flood.EventsPerSecond), append(refused.Y, s.refused*batch)
		flood.Y, rest.Y = append(flood.Y, s.flood.Ack.P99), append(rest.Y, s.rest.Ack.P99)
	}
	load.Series, fair.Series = []bench.Series{accepted, refused}, []bench.Series{flood, rest}
	for name, c := range map[string]bench.Chart{"overload": load, "fairness": fair} {
		if err := os.WriteFile(pictures+"-"+name+".svg", []byte(c.SVG()), 0o600); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
	}
	return nil
}
