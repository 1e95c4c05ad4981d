package history

import "context"

// Watch is told after each partition that was visited how many are done, out of how many; by several at a time.
type Watch func(done, of int)

type watchKey struct{}

// WithWatch makes Each of every builder tell w.
func WithWatch(ctx context.Context, w Watch) context.Context {
	return context.WithValue(ctx, watchKey{}, w)
}
