// Command questions asks a server the questions of the benchmark, over and over with labels of their own so
// that no answer is kept, and prints the median times a client sees, and those of the same question asked again.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// questions are the bodies; %s is the label.
var questions = []struct{ name, body string }{
	{"one event per day", `{"kind":"trends","range":{"from":"2026-10-02","to":"2026-11-01"},"interval":"day",
		"series":[{"label":"%s","events":["purchase"]}]}`},
	{"exact unique people per day and in all", `{"kind":"trends","range":{"from":"2026-10-02","to":"2026-11-01"},"interval":"day",
		"series":[{"label":"%s","aggregate":"unique"}]}`},
	{"one event by country, top 10", `{"kind":"trends","range":{"from":"2026-10-02","to":"2026-11-01"},"interval":"month",
		"series":[{"label":"%s","events":["purchase"]}],"breakdown":[{"property":"country"}],"breakdown_limit":10}`},
	{"exact p95 of a duration by app version", `{"kind":"trends","range":{"from":"2026-10-02","to":"2026-11-01"},"interval":"month",
		"series":[{"label":"%s","events":["product_viewed"],"aggregate":"p95","property":"duration_ms"}],
		"breakdown":[{"property":"$app_version"}]}`},
	{"funnel of 3 steps within 7 days", `{"kind":"funnel","range":{"from":"2026-10-02","to":"2026-11-01"},"window":"7d",
		"steps":[{"label":"%s","events":["product_viewed"]},{"events":["product_added"]},{"events":["purchase"]}]}`},
	{"funnel of 5 steps by country", `{"kind":"funnel","range":{"from":"2026-10-02","to":"2026-11-01"},"window":"7d",
		"steps":[{"label":"%s","events":["app_opened"]},{"events":["product_viewed"]},{"events":["product_added"]},
		{"events":["checkout_started"]},{"events":["purchase"]}],"breakdown":[{"property":"country"}]}`},
}

func main() {
	url := flag.String("url", "http://localhost:8080", "the server")
	key := flag.String("key", "", "a read or admin key")
	runs := flag.Int("runs", 7, "runs of each question after one to warm up")
	flag.Parse()
	ctx := context.Background()
	for _, q := range questions {
		fresh, err := median(ctx, *url, *key, *runs, func(i int) string { return fmt.Sprintf(q.body, fmt.Sprint("run ", i, time.Now().UnixNano())) })
		var again float64
		if err == nil {
			again, err = median(ctx, *url, *key, *runs, func(int) string { return fmt.Sprintf(q.body, "again") })
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "questions:", err)
			os.Exit(1)
		}
		fmt.Printf("%-40s %7.1f ms, kept %.2f ms\n", q.name, fresh, again)
	}
}

func median(ctx context.Context, url, key string, runs int, body func(i int) string) (float64, error) {
	var took []float64
	for i := range runs + 1 {
		began := time.Now()
		if err := ask(ctx, url, key, body(i)); err != nil {
			return 0, err
		}
		if i > 0 {
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func ask(ctx context.Context, url, key, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/query?timeout=60s", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !json.Valid(b)) {
		err = fmt.Errorf("answered %s: %s", resp.Status, b)
	}
	return err
}
