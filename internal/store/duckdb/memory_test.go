package duckdb

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
)

// TestGivesBack: a store is allowed to have what it freed returned, at any time, and its limit stays what it was.
func TestGivesBack(t *testing.T) {
	var said bytes.Buffer
	s, err := Open(context.Background(), Options{Dir: t.TempDir(), MemoryLimit: "200MiB", Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	fill(t, s, 0, 10)
	if err := s.flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.giveBack(context.Background())
	if said.Len() > 0 {
		t.Errorf("it said %s", said.String())
	}
	var limit string
	if err := s.flusher.QueryRowContext(context.Background(), "SELECT current_setting('memory_limit')").Scan(&limit); err != nil || limit != "200.0 MiB" {
		t.Errorf("the limit is %s, %v", limit, err)
	}
}
