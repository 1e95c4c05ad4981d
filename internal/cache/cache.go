// Package cache is the port of the memory for results: bytes under a key, which may be gone at any time. Whoever uses it
// puts into the key everything the value depends on, so that nothing ever has to be taken out because it became wrong.
//
// Adapters: memory.
package cache

// Cache is safe for concurrent use.
type Cache interface {
	// Get returns the value kept under the key. The caller must not change it.
	Get(key string) ([]byte, bool)
	// Set keeps the value, which belongs to the cache from now on, until room is needed for others.
	Set(key string, value []byte)
}
