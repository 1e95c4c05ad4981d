package project

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"time"
)

// snapshot is the whole control plane at one moment. It never changes once it is published, but for the times of use.
type snapshot struct {
	projects map[ID]*Project
	keys     map[uint64]*liveKey
	// byHash finds the keys of the store, revoked ones too; lent finds those that live in memory only.
	byHash map[Hash]*liveKey
	lent   map[Hash]*liveKey
}

// liveKey is a key and when it was used. LastUsedAt of the key itself is not kept up to date; view is.
type liveKey struct {
	StoredKey
	// used is in microseconds since 1970, 0 for never. It is shared by all versions of the key.
	used *atomic.Int64
}

func (k *liveKey) view() Key {
	v := k.Key
	v.LastUsedAt = nil
	if us := k.used.Load(); us != 0 {
		at := time.UnixMicro(us).UTC()
		v.LastUsedAt = &at
	}
	return v
}

// usedAt notes a time of use, unless a later one is noted.
func (k *liveKey) usedAt(us int64) {
	for {
		noted := k.used.Load()
		if noted >= us || k.used.CompareAndSwap(noted, us) {
			return
		}
	}
}

func (s *snapshot) clone() *snapshot {
	return &snapshot{
		projects: cloneMap(s.projects),
		keys:     cloneMap(s.keys),
		byHash:   cloneMap(s.byHash),
		lent:     cloneMap(s.lent),
	}
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func (s *snapshot) put(k *liveKey) {
	s.keys[k.ID] = k
	s.byHash[k.Hash] = k
}

// load reads the store. What lives in memory only is carried over from the state before. Keys are read first, so that the
// project of each is there.
func load(ctx context.Context, store Store, before *snapshot) (*snapshot, error) {
	keys, err := store.Keys(ctx)
	if err != nil {
		return nil, storeError("read the keys", err)
	}
	projects, err := store.Projects(ctx)
	if err != nil {
		return nil, storeError("read the projects", err)
	}
	return assemble(projects, keys, before)
}

func assemble(projects []Project, keys []StoredKey, before *snapshot) (_ *snapshot, err error) {
	next := &snapshot{
		projects: make(map[ID]*Project, len(projects)),
		keys:     make(map[uint64]*liveKey, len(keys)),
		byHash:   make(map[Hash]*liveKey, len(keys)),
		lent:     before.lent,
	}
	for _, p := range projects {
		if p.zone, err = loadZone(p.Timezone); err != nil {
			return nil, storeError("read the projects", fmt.Errorf("project %d has the time zone %q, which does not exist", p.ID, p.Timezone))
		}
		next.projects[p.ID] = &p
	}
	for _, k := range keys {
		live := &liveKey{StoredKey: k, used: new(atomic.Int64)}
		if old := before.keys[k.ID]; old != nil && old.Hash == k.Hash {
			live.used = old.used
		}
		if k.LastUsedAt != nil {
			live.usedAt(k.LastUsedAt.UnixMicro())
		}
		next.put(live)
	}
	return next, nil
}
