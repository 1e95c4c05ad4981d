package duckdb

import (
	"context"
	"runtime/debug"
	"time"
)

// maintain flushes, checkpoints and compacts in the background until ctx ends.
func (s *Store) maintain(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
		s.upkeep(ctx)
	}
}

func (s *Store) upkeep(ctx context.Context) {
	if s.flushDue() {
		if err := s.flush(ctx); err != nil {
			if s.failed(ctx, "flush", err) {
				s.opts.Logger.Error("flush to disk", "error", err)
			}
			return
		}
	}
	if s.spares.free(s.opts.Now()) {
		s.flushing.Lock()
		s.chunks = chunks{}
		s.flushing.Unlock()
		debug.FreeOSMemory()
	}
	if err := s.widen(ctx); s.failed(ctx, "widen", err) {
		s.opts.Logger.Error("widen the rows in memory", "error", err)
	}
	if err := s.reap(ctx); s.failed(ctx, "reap", err) {
		s.opts.Logger.Error("drop rows in memory that are on disk", "error", err)
	}
	if err := s.relink(ctx); s.failed(ctx, "relink", err) {
		s.opts.Logger.Error("rewrite persons of linked ids", "error", err)
	}
	if err := s.recut(ctx); s.failed(ctx, "recut", err) {
		s.opts.Logger.Error("cut days anew in another time zone", "error", err)
	}
	if err := s.compact(ctx); s.failed(ctx, "compact", err) {
		s.opts.Logger.Error("compact", "error", err)
	}
}

// failed counts work in the background that ended with an error, unless it was called off, and tells whether it did.
func (s *Store) failed(ctx context.Context, work string, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	s.metrics.failures.WithLabelValues(work).Inc()
	s.heed(err)
	return true
}

func (s *Store) flushDue() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.gens) == 0 {
		return false
	}
	first := s.gens[0]
	return len(s.gens) > 1 || first.rows >= s.opts.FlushRows || first.bytes >= flushBytes || s.opts.Now().Sub(first.oldest) >= s.opts.FlushEvery
}
