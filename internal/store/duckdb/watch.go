package duckdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// watch asks DuckDB how far a cut's statement is. A connection that went back to its pool belongs to others, so that none
// is asked after the cut was closed.
type watch struct {
	mu   sync.Mutex
	conn mapping.Connection
	open bool
}

// Watch implements store.Watchable. DuckDB keeps count for connections that show a bar only; it is told not to print it.
func (c *cut) Watch(ctx context.Context) error {
	if _, err := c.conn.ExecContext(ctx, "SET enable_progress_bar = true; SET enable_progress_bar_print = false"); err != nil {
		return fmt.Errorf("watch a cut: %w", err)
	}
	conn, err := connectionOf(c.conn)
	if err != nil {
		return fmt.Errorf("watch a cut: %w", err)
	}
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	c.watch.conn, c.watch.open = conn, true
	return nil
}

// Fraction implements store.Watchable.
func (c *cut) Fraction() (float64, bool) {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	if !c.watch.open {
		return 0, false
	}
	state := mapping.QueryProgress(c.watch.conn)
	percent, _, _ := mapping.QueryProgressTypeMembers(&state)
	return min(max(percent/100, 0), 1), percent >= 0
}

// unwatch leaves the connection as it was.
func (c *cut) unwatch() {
	c.watch.mu.Lock()
	was := c.watch.open
	c.watch.open = false
	c.watch.mu.Unlock()
	if was {
		_, _ = c.conn.ExecContext(context.Background(), "RESET enable_progress_bar; RESET enable_progress_bar_print")
	}
}
