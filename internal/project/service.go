package project

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// storeTimeout bounds work on the store that no caller waits for.
	storeTimeout = 5 * time.Second
	maxAudit     = 1000
)

// Options are what a Service needs besides its store.
type Options struct {
	// Logger is told about faults that no caller sees; default: nobody.
	Logger *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Copy is a file in which the projects and keys of a Shared store are kept as they were last seen, without secrets, to start
	// from when the store is away; empty for none.
	Copy string
	// Lanes is how many there are; 0 is 1. A new project is put on one of them.
	Lanes int
}

// Service is the control plane as the other rooms see it. It may be used concurrently.
type Service struct {
	store Store
	log   *slog.Logger
	now   func() time.Time
	lanes int

	state atomic.Pointer[snapshot]
	// mu is held from reading the state that a change begins with to publishing the one it ends with.
	mu sync.Mutex

	// shared is the store when others change it too, otherwise nil; following is guarded by mu.
	shared    Shared
	following following
	copy      localCopy

	stop    context.CancelFunc
	stopped chan error
	close   func() error
}

// Open reads the control plane out of the store and starts keeping the times of use. A Shared store is followed from then on:
// what others change is seen within a second, or when it is back; when it is away already, the last copy does. ctx bounds the
// reading only. The Service closes the store when it is closed itself; when Open fails, that is left to the caller.
func Open(ctx context.Context, store Store, o Options) (*Service, error) {
	s := &Service{
		store:   store,
		log:     cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		now:     o.Now,
		lanes:   max(o.Lanes, 1),
		stopped: make(chan error, 1),
		copy:    localCopy{path: o.Copy},
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.shared, _ = store.(Shared)
	state, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	s.state.Store(state)

	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.close = sync.OnceValue(s.shut)
	written := make(map[uint64]int64, len(state.keys))
	for id, k := range state.keys {
		written[id] = k.used.Load()
	}
	var follower sync.WaitGroup
	if s.shared != nil {
		follower.Go(func() { s.follow(run) })
	}
	go func() {
		err := s.recordUse(run, written)
		follower.Wait()
		s.stopped <- err
	}()
	return s, nil
}

// Close writes the times of use and closes the store. Reads still answer afterwards; changes fail.
func (s *Service) Close() error { return s.close() }

func (s *Service) shut() error {
	s.stop()
	err := <-s.stopped
	if err != nil && s.shared != nil {
		// That the others' store is away is no fault of this process, which has to be able to end.
		s.log.Warn("times of use not written", "error", err)
		err = nil
	}
	if cerr := s.store.Close(); cerr != nil {
		return fmt.Errorf("close the control plane: %w", cerr)
	}
	return err
}

// Projects returns all projects by number.
func (s *Service) Projects() []Project {
	state := s.state.Load()
	out := make([]Project, 0, len(state.projects))
	for _, id := range slices.Sorted(maps.Keys(state.projects)) {
		out = append(out, *state.projects[id])
	}
	return out
}

// Project returns the project with a number.
func (s *Service) Project(id ID) (Project, bool) {
	p := s.state.Load().projects[id]
	if p == nil {
		return Project{}, false
	}
	return *p, true
}

// EventsPerSecond is the project's own rate; 0 when it has none, or there is no such project. It does not allocate.
func (s *Service) EventsPerSecond(id ID) int {
	if p := s.state.Load().projects[id]; p != nil {
		return p.EventsPerSecond
	}
	return 0
}

// FullUntil is when the project's events are taken again, because a new month begins; false when they are, or there is no such project. It
// does not allocate.
func (s *Service) FullUntil(id ID, now time.Time) (time.Time, bool) {
	if p := s.state.Load().projects[id]; p != nil && p.Spent != 0 {
		return p.FullUntil(now)
	}
	return time.Time{}, false
}

// Lane is the one that the project's events go; false when there is no such project. It does not allocate.
func (s *Service) Lane(id ID) (int, bool) {
	if p := s.state.Load().projects[id]; p != nil {
		return p.Lane, true
	}
	return 0, false
}

// Location returns the project's time zone, or nil when there is no such project. It does not allocate.
func (s *Service) Location(id ID) *time.Location {
	if p := s.state.Load().projects[id]; p != nil {
		return p.zone
	}
	return nil
}

// Keys returns all keys of a project by number, revoked ones included.
func (s *Service) Keys(_ context.Context, id ID) ([]Key, error) {
	state := s.state.Load()
	if state.projects[id] == nil {
		return nil, NoSuchProject(id)
	}
	out := []Key{}
	for _, k := range state.keys {
		if k.Project == id {
			out = append(out, k.view())
		}
	}
	slices.SortFunc(out, func(a, b Key) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// Key returns the key with a number.
func (s *Service) Key(keyID uint64) (Key, bool) {
	k := s.state.Load().keys[keyID]
	if k == nil {
		return Key{}, false
	}
	return k.view(), true
}

// AuditUnlink notes that somebody is about to take an id out of the person it was linked to. kind is "user", "anonymous" or
// "device".
func (s *Service) AuditUnlink(ctx context.Context, actor string, p ID, kind, id string) error {
	entry := AuditEntry{At: s.moment(), Actor: actor, Action: "person.unlink", Project: p, Detail: fmt.Sprintf("%s id %q", kind, id)}
	if err := s.store.AddAudit(ctx, entry); err != nil {
		return storeError("write the audit", err)
	}
	return nil
}

// Audit returns the entries with an ID below before, or the newest if before is 0; newest first. limit is brought
// into 1 to 1000.
func (s *Service) Audit(ctx context.Context, before uint64, limit int) ([]AuditEntry, error) {
	entries, err := s.store.Audit(ctx, before, min(max(limit, 1), maxAudit))
	if err != nil {
		return nil, storeError("read the audit", err)
	}
	return entries, nil
}
