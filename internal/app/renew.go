package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// tellEvery is how often the log says how far a store is that is being made anew.
const tellEvery = 10 * time.Second

// storeOptions are those of the store in a folder.
func (p *pipeline) storeOptions(dir string, r prometheus.Registerer) duckdb.Options {
	o := storeOptions(p.config, dir, p.threads)
	o.Logger, o.Registerer, o.Yield, o.Spare, o.Full = p.logger, r, p.questions.Background().Yield, p.questions.Spare().Do, p.full
	return o
}

func storeOptions(c config.Config, dir string, threads int) duckdb.Options {
	return duckdb.Options{
		Dir: dir, MemoryLimit: fmt.Sprintf("%dB", c.Store.MemoryLimit), Threads: threads, FlushRows: c.Store.FlushRows,
		FlushEvery: c.Store.FlushInterval, PropertyLimit: c.Store.PropertyLimit,
	}
}

// openStore opens the store, in its folder or elsewhere.
func (p *pipeline) openStore(ctx context.Context, s *stage) (err error) {
	if s.marker, err = readMarker(p.config.Data); err != nil {
		return err
	}
	open := p.openFile
	if p.config.Store.Address != "" {
		open = p.openAway
	}
	if err := open(ctx, s); err != nil {
		return err
	}
	if err := p.begun(ctx, s); err != nil {
		return err
	}
	if err := complete(ctx, p.log, s.store.Position()); err != nil {
		return fmt.Errorf("go on from position %d of the store: %w; restore a backup, or see freshet rebuild --help", s.store.Position(), err)
	}
	return nil
}

// openFile opens the store of the folder. One that cannot be read is set aside when the log and the archive have all that is
// needed to make it anew; a new one takes its place and is filled while events are accepted.
func (p *pipeline) openFile(ctx context.Context, s *stage) error {
	data := p.config.Data
	// One that cannot be opened may have been made anew by hand.
	done, err := swap(data, time.Now())
	if err != nil {
		return err
	}
	if done {
		s.marker = nil
	}
	opened, err := duckdb.Open(ctx, p.storeOptions(data, s.registry))
	if duckdb.Unreadable(err) {
		s.registry = prometheus.NewRegistry()
		if err = p.renew(ctx, s, err); err == nil {
			opened, err = duckdb.Open(ctx, p.storeOptions(data, s.registry))
		}
	}
	if err != nil {
		return err
	}
	s.store = opened
	return nil
}

// renew sets the unreadable store aside.
func (p *pipeline) renew(ctx context.Context, s *stage, cause error) error {
	if err := complete(ctx, p.log, 0); err != nil {
		return fmt.Errorf("the store cannot be read and cannot be made anew either: %w", errors.Join(err, cause))
	}
	_, end := p.log.Bounds()
	s.marker = &marker{Target: end, Reason: cause.Error()}
	if err := s.marker.write(p.config.Data); err != nil {
		return err
	}
	to, err := setAside(p.config.Data, time.Now())
	if err != nil {
		return err
	}
	p.logger.Error("the store cannot be read: it was set aside and is made anew from the archive and the log; events are accepted, answers follow",
		"set_aside", to, "position", uint64(end), "error", cause)
	return nil
}

// begun looks at a store that has nothing of a history that has something: it was never written to disk, or lost. The first
// is filled from the log as every store is after a crash; the second is marked, because its users knew more of it.
func (p *pipeline) begun(ctx context.Context, s *stage) error {
	start, end := p.log.Log.Bounds()
	if s.marker != nil || s.store.Position() > 0 || end == 0 {
		return nil
	}
	if complete(ctx, p.log, 0) != nil {
		return nil //nolint:nilerr // openStore says so
	}
	// Ids that the index has forgotten by now come again before those it remembers: it has to begin anew, too.
	if err := os.RemoveAll(filepath.Join(p.config.Data, dedupFolder)); err != nil {
		return fmt.Errorf("begin the dedup index anew: %w", err)
	}
	if start == 0 && p.config.Store.Address == "" {
		return nil
	}
	s.marker = &marker{Target: end, Reason: "the store was empty"}
	return s.marker.write(p.config.Data)
}

// serve lets questions reach the store: at once, or when it has been made anew.
func (p *pipeline) serve(ctx context.Context, s *stage) {
	began := time.Now()
	if s.marker != nil && !p.filled(ctx, s) {
		return
	}
	p.reader.set(s.store)
	if s.marker != nil {
		p.logger.Info("the store is whole", "position", uint64(s.store.Watermark().Position), "took_ms", time.Since(began).Milliseconds())
	}
}

// filled waits until the store has what it is to have before it answers, and tells how far it is.
func (p *pipeline) filled(ctx context.Context, s *stage) bool {
	target := s.marker.Target
	done := func() (eventlog.Position, eventlog.Position) { return s.store.Watermark().Position, target }
	p.reader.rebuild.Store(&done)
	defer p.reader.rebuild.Store(nil)
	for {
		wait, cancel := context.WithTimeout(ctx, tellEvery)
		err := s.store.Wait(wait, target)
		cancel()
		if ctx.Err() != nil {
			return false
		}
		at := s.store.Watermark().Position
		if err == nil {
			break
		}
		p.logger.Info("the store is being made anew", "position", uint64(at), "of", uint64(target))
	}
	if err := os.Remove(filepath.Join(p.config.Data, markerFile)); err != nil {
		p.logger.Error("note that the store is whole", "error", err)
	}
	return true
}

// lookEvery is how often a server looks for a store that was made anew beside it.
const lookEvery = 2 * time.Second

// watch tells the pipeline of a store that freshet rebuild has completed, until ctx ends.
func (p *pipeline) watch(ctx context.Context) {
	if p.config.Store.Address != "" {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := os.Stat(filepath.Join(p.config.Data, rebuildFolder, doneFile)); err != nil {
			continue
		}
		select {
		case p.renewed <- struct{}{}:
		default:
		}
	}
}

// exchange closes the store in use and puts the new one in its place. Questions wait until that one has seen what the old
// one had shown.
func (p *pipeline) exchange(s *stage) error {
	began, shown := time.Now(), s.store.Watermark().Position
	if err := p.close(); err != nil {
		return err
	}
	done, err := swap(p.config.Data, began)
	if err != nil || !done {
		return err
	}
	p.logger.Info("a store that was made anew is in place", "took_ms", time.Since(began).Milliseconds())
	m := &marker{Target: shown, Reason: "rebuilt"}
	return m.write(p.config.Data)
}
