// Package cache is the port of the memory for results: bytes under a key, which may be gone at any time. Whoever uses it
// puts into the key everything the value depends on, so that nothing ever has to be taken out because it became wrong. A
// cache never fails: one that is elsewhere and away has nothing.
//
// Adapters: memory, redis. All adapters pass the suite in cachetest.
package cache

import "context"

// Cache is safe for concurrent use.
type Cache interface {
	// Get returns the value kept under the key. The caller must not change it.
	Get(ctx context.Context, key string) ([]byte, bool)
	// Set keeps the value, which belongs to the cache from now on, until room is needed for others. Get may find it a moment
	// later only, or never.
	Set(key string, value []byte)
	// Begin is called by whoever found nothing and is about to work the value out. Where another process does that already it
	// waits for the value and returns it; otherwise value is nil. done must be called when there is nothing more to wait for: the
	// value was set, or will not be.
	Begin(ctx context.Context, key string) (value []byte, done func())
}

// Tiers keeps what it has found in a far cache, which other processes share, in a near one as well.
type Tiers struct{ Near, Far Cache }

var _ Cache = Tiers{}

// Get implements Cache.
func (t Tiers) Get(ctx context.Context, key string) ([]byte, bool) {
	if v, ok := t.Near.Get(ctx, key); ok {
		return v, true
	}
	v, ok := t.Far.Get(ctx, key)
	if ok {
		t.Near.Set(key, v)
	}
	return v, ok
}

// Set implements Cache.
func (t Tiers) Set(key string, value []byte) {
	t.Near.Set(key, value)
	t.Far.Set(key, value)
}

// Begin implements Cache.
func (t Tiers) Begin(ctx context.Context, key string) ([]byte, func()) {
	v, done := t.Far.Begin(ctx, key)
	if v != nil {
		t.Near.Set(key, v)
	}
	return v, done
}
