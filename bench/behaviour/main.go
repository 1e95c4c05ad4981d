// Command behaviour asks a server the counting and behavioural questions of the benchmark, and DuckDB alone and a ClickHouse server
// the same of the same events by SQL that was written by hand, checks that all say the same, and prints the median times.
// bench/run-behaviour runs it.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

//go:embed questions
var questions embed.FS

func names() []string {
	return []string{"days", "uniques", "countries", "p95", "funnel3", "funnel5", "retention", "lifecycle", "stickiness", "paths", "sessions", "cohort", "timeline"}
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "behaviour:", err)
		os.Exit(1)
	}
}

// question is how the server is asked one.
type question struct {
	method, path string
	body         []byte
}

// contest is who is asked, and how often.
type contest struct {
	server server
	duck   *duck
	house  *house
	runs   int
	peers  []string
	// counted are the processes whose processor time is counted; none if nobody asks.
	counted processes
	// person is the one whose timeline is asked for.
	person string
}

func run(ctx context.Context) (err error) {
	var c contest
	flag.StringVar(&c.server.url, "url", "http://localhost:8080", "the server")
	flag.StringVar(&c.server.key, "key", "", "a read or admin key")
	flag.StringVar(&c.server.writeKey, "write-key", "", "a write key, to send an event before each question so that no answer is kept")
	flag.IntVar(&c.runs, "runs", 5, "runs of each question after one to warm up")
	only := flag.String("only", strings.Join(names(), ","), "which questions, with commas between")
	dir := flag.String("duckdb", "", "folder of DuckDB's table; without it DuckDB is not asked")
	store := flag.String("store", "", "store.duckdb of a stopped server, or a copy, to make the table of")
	clickhouse := flag.String("clickhouse", "", "address of a ClickHouse server's HTTP port; without it ClickHouse is not asked")
	threads := flag.Int("threads", 2, "threads of DuckDB and ClickHouse")
	peers := flag.String("peers", "duckdb,clickhouse", "who of those that are there is asked, with commas between")
	pids := flag.String("pids", "", "processes that answer, with commas between: the processor time that an answer takes them is printed as well")
	copies := flag.Int("copies", 0, "if given, only make the -store so many times as large, by copies of its events that other people did")
	flag.Parse()
	if *copies > 0 {
		return multiply(ctx, *store, *copies)
	}
	if *dir != "" {
		if c.duck, err = openDuck(ctx, *dir, *store, *threads); err != nil {
			return err
		}
	}
	if *clickhouse != "" {
		if c.duck == nil {
			return errors.New("ClickHouse gets its events from DuckDB's table: give -duckdb, too")
		}
		if c.house, err = openHouse(ctx, *clickhouse, c.duck, *threads); err != nil {
			return err
		}
	}
	if c.counted, err = parseProcesses(*pids); err != nil {
		return err
	}
	c.peers = strings.Split(*peers, ",")
	if c.person, err = c.server.buyer(ctx); err != nil {
		return err
	}
	if len(c.counted) > 0 {
		fmt.Println("behind a stroke: processor time")
	}
	fmt.Printf("%-12s %18s %18s %18s %8s\n", "", "freshet", "duckdb", "clickhouse", "ratio")
	for _, name := range strings.Split(*only, ",") {
		if err := c.question(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// asked is a question as the server takes it.
func (c *contest) asked(name string) (q *question, err error) {
	if name == "timeline" {
		return &question{method: http.MethodGet, path: "/v1/events?limit=50&person=" + c.person}, nil
	}
	q = &question{method: http.MethodPost, path: "/v1/query?timeout=60s"}
	if name == "cohort" {
		q.path = "/v1/cohorts/preview"
	}
	q.body, err = questions.ReadFile("questions/" + name + ".json")
	return q, err
}

// question prints a line of the table.
func (c *contest) question(ctx context.Context, name string) error {
	q, err := c.asked(name)
	if err != nil {
		return err
	}
	ours, own, work, err := c.median(func() ([]string, time.Duration, error) {
		body, took, err := c.server.ask(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		lines, err := facts(body)
		return lines, took, err
	})
	if err != nil {
		return err
	}
	cells, best, least := []string{c.shown(own, work)}, time.Duration(0), time.Duration(0)
	for _, p := range []struct {
		name  string
		there bool
		ask   func(context.Context, string) ([]string, time.Duration, error)
	}{{"duckdb", c.duck != nil, c.duck.ask}, {"clickhouse", c.house != nil, c.house.ask}} {
		if !p.there || !slices.Contains(c.peers, p.name) {
			cells = append(cells, "")
			continue
		}
		sql, err := questions.ReadFile("questions/" + name + "." + p.name + ".sql")
		if errors.Is(err, fs.ErrNotExist) {
			// Their table has neither devices nor ids of sessions.
			cells = append(cells, "")
			continue
		}
		if err != nil {
			return err
		}
		lines, took, work, err := c.median(func() ([]string, time.Duration, error) {
			return p.ask(ctx, strings.ReplaceAll(string(sql), "$person", c.person))
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if name == "paths" {
			if lines, err = nodes(lines); err != nil {
				return err
			}
		}
		if d := differ(ours, lines); d != "" {
			return fmt.Errorf("%s says something else: %s", p.name, d)
		}
		cells = append(cells, c.shown(took, work))
		if best == 0 || took < best {
			best, least = took, work
		}
	}
	ratio := ""
	if best > 0 {
		ratio = fmt.Sprintf("%.2f", float64(own)/float64(best))
	}
	if least > 0 {
		ratio += fmt.Sprintf(" / %.2f", float64(work)/float64(least))
	}
	fmt.Printf("%-12s %18s %18s %18s %8s\n", name, cells[0], cells[1], cells[2], ratio)
	return nil
}

// median asks some times, after once to warm up: how long an answer took in the median, and the processor time of one in the mean.
func (c *contest) median(ask func() ([]string, time.Duration, error)) (lines []string, took, work time.Duration, err error) {
	var all []time.Duration
	var before time.Duration
	for i := range c.runs + 1 {
		if i == 1 && len(c.counted) > 0 {
			if before, err = c.counted.used(); err != nil {
				return nil, 0, 0, err
			}
		}
		if lines, took, err = ask(); err != nil {
			return nil, 0, 0, err
		}
		if i > 0 {
			all = append(all, took)
		}
	}
	if len(c.counted) > 0 {
		after, err := c.counted.used()
		if err != nil {
			return nil, 0, 0, err
		}
		work = (after - before) / time.Duration(c.runs)
	}
	slices.Sort(all)
	return lines, all[len(all)/2], work, nil
}

func (c *contest) shown(took, work time.Duration) string {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	if len(c.counted) == 0 {
		return fmt.Sprintf("%.1f ms", ms(took))
	}
	return fmt.Sprintf("%.1f ms / %.0f", ms(took), ms(work))
}
