package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// server is Freshet's API.
type server struct{ url, key, writeKey string }

// ask sends a question of which no answer is kept, and says how long the answer took. An event long before the
// question's range, sent first, makes the kept answers old, unless others arrive anyway.
func (s *server) ask(ctx context.Context, q *question) (answer []byte, took time.Duration, err error) {
	if err := s.tick(ctx); err != nil {
		return nil, 0, fmt.Errorf("send an event: %w", err)
	}
	for {
		began := time.Now()
		answer, err = s.send(ctx, q.method, q.path, s.key, q.body)
		if err != nil {
			return nil, 0, err
		}
		took = time.Since(began)
		var kept struct {
			Cached bool `json:"cached"`
		}
		if err := json.Unmarshal(answer, &kept); err != nil {
			return nil, 0, fmt.Errorf("read the answer: %w", err)
		}
		if !kept.Cached {
			return answer, took, nil
		}
	}
}

// buyer is the person of the last purchase of October's first half: somebody with a history.
func (s *server) buyer(ctx context.Context) (string, error) {
	body, err := s.send(ctx, http.MethodGet, "/v1/events?event=purchase&to=2026-10-16&limit=1", s.key, nil)
	if err != nil {
		return "", fmt.Errorf("find a person: %w", err)
	}
	var page struct {
		Events []struct {
			Person string `json:"person"`
		} `json:"events"`
	}
	if err := json.Unmarshal(body, &page); err != nil || len(page.Events) == 0 {
		return "", fmt.Errorf("find a person in %s: %w", body, err)
	}
	return page.Events[0].Person, nil
}

func (s *server) tick(ctx context.Context) error {
	if s.writeKey == "" {
		return nil
	}
	event := fmt.Sprintf(`{"event":"bench_tick","anonymous_id":"bench","id":"tick-%d","timestamp":"2026-08-01T00:00:00Z"}`, time.Now().UnixNano())
	_, err := s.send(ctx, http.MethodPost, "/v1/events", s.writeKey, []byte(event))
	return err
}

func (s *server) send(ctx context.Context, method, path, key string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	return do(req)
}

// do is the body of a good answer.
func do(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %s", resp.Status, b)
	}
	return b, err
}
