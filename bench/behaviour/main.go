// Command behaviour asks a server the behavioural questions of the benchmark, and DuckDB alone and a ClickHouse server the
// same of the same events by SQL that was written by hand, checks that all say the same, and prints the median times.
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
	return []string{"funnel3", "funnel5", "retention", "lifecycle", "stickiness", "paths", "sessions", "cohort", "timeline"}
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
	if c.person, err = c.server.buyer(ctx); err != nil {
		return err
	}
	fmt.Printf("%-12s %10s %10s %10s %8s\n", "", "freshet", "duckdb", "clickhouse", "ratio")
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
	ours, own, err := c.median(func() ([]string, time.Duration, error) {
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
	cells, best := []string{shown(own)}, time.Duration(0)
	for _, p := range []struct {
		name  string
		there bool
		ask   func(context.Context, string) ([]string, time.Duration, error)
	}{{"duckdb", c.duck != nil, c.duck.ask}, {"clickhouse", c.house != nil, c.house.ask}} {
		if !p.there {
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
		lines, took, err := c.median(func() ([]string, time.Duration, error) {
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
		cells = append(cells, shown(took))
		if best == 0 || took < best {
			best = took
		}
	}
	ratio := ""
	if best > 0 {
		ratio = fmt.Sprintf("%.2f", float64(own)/float64(best))
	}
	fmt.Printf("%-12s %10s %10s %10s %8s\n", name, cells[0], cells[1], cells[2], ratio)
	return nil
}

func (c *contest) median(ask func() ([]string, time.Duration, error)) (lines []string, took time.Duration, err error) {
	var all []time.Duration
	for i := range c.runs + 1 {
		if lines, took, err = ask(); err != nil {
			return nil, 0, err
		}
		if i > 0 {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return lines, all[len(all)/2], nil
}

func shown(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
