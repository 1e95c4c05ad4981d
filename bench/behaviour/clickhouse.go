package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// house is a ClickHouse server, asked over HTTP.
type house struct {
	url     string
	threads int
}

// openHouse loads the events out of DuckDB's table, unless they are there from a run before.
func openHouse(ctx context.Context, address string, from *duck, threads int) (*house, error) {
	h := &house{strings.TrimRight(address, "/"), threads}
	for _, q := range []string{
		"CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic",
		`CREATE TABLE IF NOT EXISTS bench.best (day Int32 CODEC(Delta, LZ4), person UInt64, time UInt64 CODEC(T64, LZ4), seq UInt64 CODEC(T64, LZ4),
			event LowCardinality(String), country LowCardinality(Nullable(String)), app_version LowCardinality(Nullable(String)), duration Nullable(Float64)) ENGINE = MergeTree ORDER BY (day, person, time)`,
	} {
		if _, err := h.post(ctx, q, nil); err != nil {
			return nil, err
		}
	}
	lines, _, err := h.ask(ctx, "SELECT count() FROM best")
	if err != nil || lines[0] != "0" {
		return h, err
	}
	path, err := from.parquet(ctx)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if _, err := h.post(ctx, "INSERT INTO bench.best FORMAT Parquet", file); err != nil {
		return nil, fmt.Errorf("load ClickHouse: %w", err)
	}
	_, err = h.post(ctx, "OPTIMIZE TABLE bench.best FINAL", nil)
	return h, err
}

// post runs a statement: the body itself, or what stands before a body of data.
func (h *house) post(ctx context.Context, q string, data *os.File) ([]byte, error) {
	var body io.Reader
	if data != nil {
		body = data
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, body)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = url.Values{"query": {q}, "max_threads": {strconv.Itoa(h.threads)}}.Encode()
	return do(req)
}

// ask is the rows of an answer, as duck.ask has them.
func (h *house) ask(ctx context.Context, q string) (lines []string, took time.Duration, err error) {
	began := time.Now()
	b, err := h.post(ctx, strings.ReplaceAll(q, "FROM best", "FROM bench.best")+" FORMAT TabSeparated", nil)
	if err != nil {
		return nil, 0, err
	}
	text := strings.ReplaceAll(strings.TrimRight(string(b), "\n"), `\N`, "")
	return strings.Split(text, "\n"), time.Since(began), nil
}
