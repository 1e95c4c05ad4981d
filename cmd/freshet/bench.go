package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/freshet/freshet/internal/bench"
	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/progress"
)

type benchCmd struct {
	Run       benchRunCmd  `cmd:"" default:"withargs" help:"Measure a server."`
	Reference referenceCmd `cmd:"" help:"Serve the least that a server of events can do, to compare with."`
}

type benchRunCmd struct {
	serverFlags
	jsonFlag
	ReadKey    string        `env:"FRESHET_READ_KEY" placeholder:"KEY" help:"Read or admin key, to measure when events become visible (${env})."`
	Conns      int           `short:"n" default:"8" help:"Connections."`
	Batch      int           `short:"b" default:"100" help:"Events in a request; 1 posts single events."`
	Rate       float64       `short:"r" help:"Events a second, sent whatever the answers do (open loop); without it the next request follows the answer (closed loop)."`
	Duration   time.Duration `short:"d" default:"30s" help:"How long to measure."`
	Warmup     time.Duration `default:"2s" help:"How long to send before measuring."`
	Seed       uint64        `default:"1" help:"Which events."`
	Pid        int           `help:"Process id of the server on this machine: CPU and peak memory are read from /proc."`
	MetricsURL string        `name:"metrics-url" placeholder:"URL" help:"The server's metrics page; default <url>/metrics."`
	ProbeEvery time.Duration `default:"250ms" help:"How often to send a marked event and ask for it, with a read key."`
	References bool          `help:"Measure the two references with the same load first, and give ratios to them."`
}

// Help implements kong.HelpProvider.
func (benchRunCmd) Help() string {
	return `Sends realistic Segment JSON (about 850 bytes an event) and prints throughput, the latency of acknowledgements, and the
server's CPU time and memory. Every event has an id of its own, so nothing is dropped as a duplicate. In the open loop
latencies count from when a request was due: a server that stalls cannot hide whom it kept waiting.

  freshet bench --key fw_... -d 2m                        as fast as 8 connections go, batches of 100
  freshet bench --key fw_... --rate 40000 --read-key fr_...  a fixed rate, with the time until events are visible
  freshet bench --key fw_... -b 1 -n 64 --references      single posts, compared with the least a server can do`
}

// report is everything that one run of the command measured.
type report struct {
	bench.Result
	CPUPerMillion float64           `json:"cpu_seconds_per_million_events,omitempty"`
	CPUCores      float64           `json:"cpu_cores_busy,omitempty"`
	PeakRSS       int64             `json:"peak_rss_bytes,omitempty"`
	Visible       *bench.Visibility `json:"visibility,omitempty"`
	// DrainSeconds is how long after the load everything was visible.
	DrainSeconds float64            `json:"visible_after_load_seconds,omitempty"`
	References   map[string]*report `json:"references,omitempty"`
	Ratios       map[string]float64 `json:"throughput_ratio_to_reference,omitempty"`
}

func (c *benchRunCmd) Run(ctx context.Context, s streams) error {
	if err := c.needKey("a write key"); err != nil {
		return err
	}
	if c.Conns < 1 || c.Batch < 1 || c.Duration <= 0 || c.Rate < 0 {
		return usageError("--conns, --batch and --duration must be greater than 0")
	}
	if c.MetricsURL == "" {
		c.MetricsURL = strings.TrimSuffix(c.URL, "/") + "/metrics"
	}
	references := map[string]*report{}
	if c.References {
		for _, kind := range []string{"parse", "log"} {
			r, err := c.reference(ctx, s, kind)
			if err != nil {
				return fmt.Errorf("measure the reference %s: %w", kind, err)
			}
			references[kind] = r
		}
	}
	r, err := c.measure(ctx, s)
	if err != nil {
		return err
	}
	if c.References {
		r.References, r.Ratios = references, map[string]float64{}
		for kind, ref := range references {
			if ref.EventsPerSecond > 0 {
				r.Ratios[kind] = r.EventsPerSecond / ref.EventsPerSecond
			}
		}
	}
	if c.JSON {
		return printJSON(s.out, r)
	}
	return printReport(s.out, r)
}

func (c *benchRunCmd) options(s streams) (bench.Options, *progress.Bar) {
	bar := progress.New(s.err, "requests", 0)
	return bench.Options{
		URL: c.URL, Key: c.Key, Conns: c.Conns, Batch: c.Batch, Rate: c.Rate, Warmup: c.Warmup, Duration: c.Duration, Seed: c.Seed,
		Progress: func(_ time.Duration, n int64) { bar.Set(n) },
	}, bar
}

// cost reads what the server has used, as far as it can be known.
func (c *benchRunCmd) cost(ctx context.Context) (bench.Cost, error) {
	if c.Pid != 0 {
		return bench.ReadProcess(c.Pid)
	}
	return bench.ReadMetrics(ctx, c.MetricsURL)
}

func (c *benchRunCmd) measure(ctx context.Context, s streams) (*report, error) {
	before, err := c.cost(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what the server has used: %w", err)
	}
	began := time.Now()
	probing, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var visible *bench.Visibility
	if c.ReadKey != "" {
		ingest, err := c.client(1)
		if err != nil {
			return nil, err
		}
		defer ingest.Close()
		api, err := client.New(c.URL, c.ReadKey, 1)
		if err != nil {
			return nil, usageError(err.Error())
		}
		defer api.Close()
		wg.Go(func() {
			v := bench.Probe(probing, ingest, api, c.ProbeEvery)
			visible = &v
		})
	}
	o, bar := c.options(s)
	res, err := bench.Run(ctx, o)
	stop()
	wg.Wait()
	bar.Done()
	if err != nil {
		return nil, err
	}
	r := &report{Result: res, Visible: visible}
	if c.ReadKey != "" {
		// What was acknowledged is paid for only when it is visible.
		ended := time.Now()
		if err := waitVisible(ctx, c.URL, c.ReadKey, res.Position); err != nil {
			return nil, err
		}
		r.DrainSeconds = time.Since(ended).Seconds()
	}
	after, err := c.cost(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what the server has used: %w", err)
	}
	r.setCost(before, after, time.Since(began))
	return r, nil
}

func (r *report) setCost(before, after bench.Cost, took time.Duration) {
	if r.AllEvents > 0 {
		r.CPUPerMillion = (after.CPU - before.CPU) / float64(r.AllEvents) * 1e6
	}
	r.CPUCores = (after.CPU - before.CPU) / took.Seconds()
	r.PeakRSS = max(after.Peak, after.RSS)
}

func printReport(w io.Writer, r *report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tEVENTS/S\tREQUESTS/S\tACK P50\tP99\tP99.9\tCPU S/M\tPEAK MB\tERRORS")
	line := func(name string, r *report) {
		errs := "-"
		if len(r.Errors) > 0 {
			errs = fmt.Sprint(r.Errors)[3:]
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f ms\t%.2f\t%.2f\t%.2f\t%d\t%s\n", name, r.EventsPerSecond, r.RequestsPerSec,
			r.Ack.P50, r.Ack.P99, r.Ack.P999, r.CPUPerMillion, r.PeakRSS>>20, errs)
	}
	for _, kind := range []string{"parse", "log"} {
		if ref := r.References[kind]; ref != nil {
			line("reference "+kind, ref)
		}
	}
	line("server", r)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d connections, batches of %d, %.0f s, %d events, %.2f cores busy\n", r.Conns, r.Batch, r.Seconds, r.Events, r.CPUCores)
	for _, kind := range []string{"parse", "log"} {
		if ratio, ok := r.Ratios[kind]; ok {
			fmt.Fprintf(w, "%.2f of the throughput of reference %s\n", ratio, kind)
		}
	}
	if v := r.Visible; v != nil {
		fmt.Fprintf(w, "visible after acknowledgement: p50 %.0f ms, p99 %.0f ms, worst %.0f ms of %d probes, %d failed; all visible %.2f s after the load\n",
			v.After.P50, v.After.P99, v.After.Max, v.Probes, v.Failed, r.DrainSeconds)
	}
	return nil
}
