package enrich

// cache keeps the values last used, between size and twice as many: when the young generation is full it becomes the
// old one, and what was old and not asked for since is gone.
type cache[V any] struct {
	size       int
	young, old map[string]*cached[V]
}

// cached carries its own key: the one of a lookup may share memory that is about to be reused.
type cached[V any] struct {
	key   string
	value V
}

func newCache[V any](size int) *cache[V] {
	return &cache[V]{size: size, young: map[string]*cached[V]{}}
}

func (c *cache[V]) get(key string) (*V, bool) {
	if v, ok := c.young[key]; ok {
		return &v.value, true
	}
	if v, ok := c.old[key]; ok {
		c.keep(v)
		return &v.value, true
	}
	return nil, false
}

// put keeps a value; the key must not share memory that changes.
func (c *cache[V]) put(key string, value V) *V {
	v := &cached[V]{key, value}
	c.keep(v)
	return &v.value
}

func (c *cache[V]) keep(v *cached[V]) {
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[string]*cached[V], c.size)
	}
	c.young[v.key] = v
}
