package query

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Latest returns the newest events committed at or behind a position, newest first by position, at most limit (1 to
// 1000), and how many more there are. The watermark's Head is where the next call goes on.
func (e *Engine) Latest(
	ctx context.Context, s Scope, after eventlog.Position, limit int,
) (events []Event, skipped int, w store.Watermark, err error) {
	if err := checkLimit(limit, maxEvents); err != nil {
		return nil, 0, w, err
	}
	if w = e.of(s.Project).Watermark(); w.Head() <= after {
		return nil, 0, w, nil
	}
	err = e.ask(ctx, "latest", s, func(ctx context.Context, cut *peopledCut) error {
		w = cut.Watermark()
		fresh := fmt.Sprintf(" FROM %s WHERE seq >= %d", cut.Events("seq", "time"), after)
		at, err := places(ctx, cut, "SELECT "+cut.Dialect().Micros("time")+", seq"+fresh+fmt.Sprintf(" ORDER BY seq DESC LIMIT %d", limit), nil)
		if err != nil {
			return err
		}
		if len(at) == limit {
			n, err := count(ctx, cut, "SELECT count(*)"+fresh)
			if err != nil {
				return err
			}
			skipped = int(n) - limit
		}
		c, err := e.condition(ctx, cut, s, EventFilter{})
		if err != nil {
			return err
		}
		events, err = fetch(ctx, c, at)
		return err
	})
	return events, skipped, w, err
}

// count runs a statement that selects one number.
func count(ctx context.Context, cut store.Cut, q string) (n int64, err error) {
	for row, err := range cut.Rows(ctx, q) {
		if err != nil {
			return 0, fmt.Errorf("count events: %w", err)
		}
		n = whole(row[0])
	}
	return n, nil
}
