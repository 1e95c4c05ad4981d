package project

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"time"
)

const (
	// useGrain is how exact times of use are. It keeps a busy key from being written by every core at every request.
	useGrain = time.Second
	// useInterval is the least time between two writes of the times of use.
	useInterval = time.Minute
)

// These are returned on the hot path, where an attacker could otherwise make the server allocate. Nobody changes them.
var (
	errMalformedKey = &Error{
		Kind: Unauthorized, Code: "malformed_key",
		Message: "the key is not well formed; a key begins with fw_, fr_ or fa_ and has 41 characters, and its checksum must be right",
	}
	errUnknownKey = &Error{Kind: Unauthorized, Code: "unknown_key", Message: "the key is well formed but not known here"}
	errRevokedKey = &Error{Kind: Unauthorized, Code: "revoked_key", Message: "the key was revoked"}
)

// Authenticate tells whose secret it is. The error is Unauthorized with the code malformed_key, unknown_key or
// revoked_key. It takes no lock and never goes to the store.
func (s *Service) Authenticate(secret string) (Identity, error) {
	if !wellFormed(secret) {
		return Identity{}, errMalformedKey
	}
	k := s.state.Load().find(hashOf(secret))
	switch {
	case k == nil:
		return Identity{}, errUnknownKey
	case k.RevokedAt != nil:
		return Identity{}, errRevokedKey
	}
	if now := s.now().UnixMicro(); now-k.used.Load() >= useGrain.Microseconds() {
		k.used.Store(now)
	}
	return Identity{KeyID: k.ID, Project: k.Project, Kind: k.Kind}, nil
}

func (s *snapshot) find(h Hash) *liveKey {
	if k := s.byHash[h]; k != nil {
		return k
	}
	return s.lent[h]
}

// Lend makes a key that is in no list and in no store and ends with the process, for the sample app and the sign-in
// link. It is meant to be called a few times in a process's life: lent keys are not taken back. A kind that does not
// exist is a programmer's mistake and panics.
func (s *Service) Lend(id ID, kind Kind) string {
	if kind.prefix() == "" {
		panic(fmt.Sprintf("project: lend a key of the unknown kind %q", kind))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	secret := newSecret(kind.prefix())
	k := &liveKey{used: new(atomic.Int64)}
	k.Project, k.Kind = id, kind
	next := s.state.Load().clone()
	next.lent[hashOf(secret)] = k
	s.state.Store(next)
	return secret
}

// recordUse writes times of use each useInterval, and a last time when ctx ends, but for those in written. It
// returns the error of the last.
func (s *Service) recordUse(ctx context.Context, written map[uint64]int64) error {
	tick := time.NewTicker(useInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.writeUse(ctx, written); err != nil && ctx.Err() == nil {
				s.log.Warn("times of use not written", "error", err)
			}
		case <-ctx.Done():
			return s.writeUse(context.WithoutCancel(ctx), written)
		}
	}
}

// writeUse writes the times that are not the ones in written, and notes them there.
func (s *Service) writeUse(ctx context.Context, written map[uint64]int64) error {
	used, dirty := map[uint64]time.Time{}, map[uint64]int64{}
	for id, k := range s.state.Load().keys {
		if us := k.used.Load(); us != written[id] {
			used[id], dirty[id] = time.UnixMicro(us).UTC(), us
		}
	}
	if len(used) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := s.store.TouchKeys(ctx, used); err != nil {
		return fmt.Errorf("write times of use: %w", err)
	}
	maps.Copy(written, dirty)
	return nil
}
