package disk

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Reader is what a log had when it was opened, read beside the process that owns it. Segments that the owner trims
// meanwhile are gone: Next then returns an error that wraps fs.ErrNotExist.
type Reader struct{ log *Log }

// OpenReader opens the log in a folder for reading, without its lock.
func OpenReader(dir string) (*Reader, error) {
	l := &Log{
		opts:    Options{Dir: dir, FS: vfs.Default, Logger: slog.New(slog.DiscardHandler)},
		metrics: newMetrics(prometheus.NewRegistry()), advanced: make(chan struct{}),
	}
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("read log %s: %w", dir, err)
	}
	l.closed = true
	return &Reader{l}, nil
}

// Append implements eventlog.Log: it refuses.
func (r *Reader) Append(context.Context, eventlog.Record) (eventlog.Position, error) {
	return 0, event.Errorf(event.Unavailable, "closed", "the log is open for reading only")
}

// Subscribe implements eventlog.Log; Next returns eventlog.ErrClosed at the end.
func (r *Reader) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	return r.log.Subscribe(from)
}

// Bounds implements eventlog.Log.
func (r *Reader) Bounds() (start, end eventlog.Position) { return r.log.Bounds() }

// Trim implements eventlog.Log: it does nothing, which a log may always do.
func (r *Reader) Trim(eventlog.Position) error { return nil }
