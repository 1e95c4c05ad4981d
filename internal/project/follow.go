package project

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// followEvery is how often a shared store is asked whether somebody has changed it. A question a second for each process
	// costs a database nothing, works through poolers and standbys' take-overs, and tells at once when it is away, which a
	// listener on a dead connection would not notice.
	followEvery = 500 * time.Millisecond
	// reloadEvery is how often it is read in any case, for the times of use that others have written.
	reloadEvery = time.Minute
)

// following is how far the state is known to be that of a shared store.
type following struct {
	// version is that of the state, if it is known.
	version uint64
	known   bool
	read    time.Time
}

// begin reads the first state: the store's, or that of the last copy while a shared store is away.
func (s *Service) begin(ctx context.Context) (*snapshot, error) {
	if s.shared == nil {
		return load(ctx, s.store, &snapshot{})
	}
	before, made, copyErr := s.copy.read()
	version, err := s.shared.Version(ctx)
	var state *snapshot
	if err == nil {
		state, err = load(ctx, s.store, &snapshot{})
	}
	switch {
	case err == nil && before != nil && before.forgottenBy(state):
		return nil, storeError("read the control plane", fmt.Errorf("%w: it has none of the %d keys that this server had when it ran last; "+
			"is it the right database? To begin anew with it, remove %s", ErrUnusable, len(before.keys), s.copy.path))
	case err == nil:
		if copyErr != nil {
			s.log.Warn("the copy of projects and keys is made anew", "error", copyErr)
		}
		s.following = following{version, true, s.now()}
		s.keep(state)
		return state, nil
	case errors.Is(err, ErrUnusable) || before == nil:
		return nil, storeError("read the control plane", errors.Join(err, copyErr))
	}
	s.log.Warn("the control plane does not answer: going on with the projects and keys of the last copy; settings cannot be changed until it is back",
		"copy", s.copy.path, "of", made, "error", err)
	return before, nil
}

// follow takes over what other processes change, until ctx ends.
func (s *Service) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	away := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := s.catchUp(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !away:
			s.log.Warn("projects and keys cannot be compared with the control plane; the last ones that were known stand", "error", err)
		case err == nil && away:
			s.log.Info("projects and keys are those of the control plane again")
		}
		away = err != nil
	}
}

// catchUp reads a shared store when it has changed.
func (s *Service) catchUp(ctx context.Context) error {
	version, err := s.shared.Version(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.following
	if err != nil {
		// It may come back as another one, such as a standby that has not seen the last changes.
		f.known = false
		return err
	}
	if f.known && f.version == version && s.now().Sub(f.read) < reloadEvery {
		return nil
	}
	before := s.state.Load()
	next, err := load(ctx, s.store, before)
	if err != nil {
		f.known = false
		return err
	}
	if before.forgottenBy(next) {
		f.known = false
		return fmt.Errorf("it has none of the %d keys that there were; an emptied or wrong database is not followed", len(before.keys))
	}
	s.state.Store(next)
	*f = following{version, true, s.now()}
	s.keep(next)
	return nil
}

// forgottenBy tells that another state has none of the keys of this one. Keys are revoked but never removed, so it is a state
// of something else.
func (s *snapshot) forgottenBy(next *snapshot) bool {
	for hash := range s.byHash {
		if next.byHash[hash] != nil {
			return false
		}
	}
	return len(s.byHash) > 0
}

// keep writes the copy.
func (s *Service) keep(state *snapshot) {
	if err := s.copy.write(state, s.now()); err != nil {
		s.log.Warn("the copy of projects and keys was not written; without it no start while the control plane is away", "error", err)
	}
}
