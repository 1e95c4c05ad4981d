package query

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/store"
)

// Checksums tells where a project stands, and then has all its events read from a day on (days since 1970-01-01). That may take
// minutes, in which it holds one of the places for questions.
func (e *Engine) Checksums(ctx context.Context, s Scope, from int64, at func(store.Watermark) error) ([]store.Checksum, error) {
	leave, err := e.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	cut, err := e.of(s.Project).Cut(ctx, s.Project)
	if err != nil {
		return nil, fmt.Errorf("read checksums: %w", err)
	}
	defer cut.Close()
	if err := at(cut.Watermark()); err != nil {
		return nil, err
	}
	sums, err := store.Checksums(ctx, cut, from)
	return sums, e.outcome(ctx, err)
}
