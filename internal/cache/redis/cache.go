package redis

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/freshet/freshet/internal/cache"
)

const (
	// keptFor is how long a value is kept. Its key has the version of the data, so it is of no use sooner as a rule.
	keptFor = 10 * time.Minute
	// MostBytes is the largest value that is kept.
	MostBytes = 1 << 20
	// pendingSets is how many values may wait to be sent; what comes on top is not kept.
	pendingSets = 64
	// claimFor is how long others wait for a process that does not say any more that it is at work; it says so each claimEvery.
	claimFor   = 2 * time.Second
	claimEvery = claimFor / 4
	// A look whether the value is there comes after a wait that doubles from lookLeast to lookMost.
	lookLeast = 5 * time.Millisecond
	lookMost  = 100 * time.Millisecond
)

// Cache implements cache.Cache.
type Cache struct {
	client *Client
	sets   chan pending
	stop   context.CancelFunc
	work   sync.WaitGroup
	// mu guards closed: after it nothing is added to work.
	mu     sync.Mutex
	closed bool

	hits, misses, awaited, dropped prometheus.Counter
}

var _ cache.Cache = (*Cache)(nil)

// pending is a value that is to be sent, or with a token a claim that is to be given up.
type pending struct {
	name, token string
	value       []byte
}

// release gives a claim up and extend keeps it, if it is still that of the token.
const (
	release = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`
	extend  = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`
)

// NewCache keeps answers through a client, which must be closed after it.
func NewCache(c *Client, r prometheus.Registerer) *Cache {
	counter := func(name, help string) prometheus.Counter {
		m := prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_cache_shared_" + name + "_total", Help: help})
		r.MustRegister(m)
		return m
	}
	k := &Cache{
		client: c, sets: make(chan pending, pendingSets),
		hits:    counter("hits", "Results that were in Redis."),
		misses:  counter("misses", "Results that were not in Redis, or for which it was not there."),
		awaited: counter("awaited", "Results that another process was about to work out, and did."),
		dropped: counter("dropped", "Results that were not sent to Redis, because they were too large or it was too slow."),
	}
	ctx, stop := context.WithCancel(c.ctx)
	k.stop = stop
	k.work.Go(func() { k.send(ctx) })
	return k
}

// Close gives up what has not been sent.
func (k *Cache) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.stop()
	k.work.Wait()
}

// name is the key in Redis. Keys of answers are long, and may name people.
func (k *Cache) name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return k.client.prefix + "answer:" + hex.EncodeToString(sum[:])
}

// Get implements cache.Cache.
func (k *Cache) Get(ctx context.Context, key string) (value []byte, ok bool) {
	_ = k.client.call(ctx, "get", callTimeout, func(ctx context.Context, conn rueidis.Client) (err error) {
		value, err = bytesOf(conn.Do(ctx, conn.B().Get().Key(k.name(key)).Build()))
		return err
	})
	if value == nil {
		k.misses.Inc()
		return nil, false
	}
	k.hits.Inc()
	return value, true
}

// bytesOf is the value in a reply, which is not nil, or nil when there is none.
func bytesOf(r rueidis.RedisResult) ([]byte, error) {
	text, err := r.ToString()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, text...), nil
}

// Set implements cache.Cache. The value is sent by and by.
func (k *Cache) Set(key string, value []byte) {
	if len(value) > MostBytes {
		k.dropped.Inc()
		return
	}
	k.add(pending{name: k.name(key), value: value})
}

func (k *Cache) add(p pending) {
	select {
	case k.sets <- p:
	default:
		k.dropped.Inc()
	}
}

func (k *Cache) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-k.sets:
			_ = k.client.call(ctx, "set", quietTimeout, func(ctx context.Context, conn rueidis.Client) error {
				b := conn.B()
				if p.token != "" {
					return conn.Do(ctx, b.Eval().Script(release).Numkeys(1).Key(p.name).Arg(p.token).Build()).Error()
				}
				return conn.Do(ctx, b.Set().Key(p.name).Value(rueidis.BinaryString(p.value)).Px(keptFor).Build()).Error()
			})
		}
	}
}

// Begin implements cache.Cache: whoever claims a key first works its value out, the others look for it now and then. Nobody waits
// for a process that is gone, or for Redis.
func (k *Cache) Begin(ctx context.Context, key string) (value []byte, done func()) {
	name, token := k.name(key), rand.Text()
	claim := name + ":claim"
	for wait := lookLeast; ; wait = min(2*wait, lookMost) {
		claimed := false
		err := k.client.call(ctx, "begin", callTimeout, func(ctx context.Context, conn rueidis.Client) (err error) {
			got := conn.DoMulti(ctx, conn.B().Set().Key(claim).Value(token).Nx().Px(claimFor).Build(), conn.B().Get().Key(name).Build())
			if err := got[0].Error(); err == nil {
				claimed = true
			} else if !rueidis.IsRedisNil(err) {
				return err
			}
			value, err = bytesOf(got[1])
			return err
		})
		if claimed {
			done = k.hold(claim, token)
		} else {
			done = func() {}
		}
		if err != nil || claimed && value == nil {
			return nil, done
		}
		if value != nil {
			done()
			k.awaited.Inc()
			return value, func() {}
		}
		select {
		case <-ctx.Done():
			return nil, done
		case <-time.After(wait):
		}
	}
}

// hold keeps a claim until done is called, or Redis does not hear of it.
func (k *Cache) hold(claim, token string) (done func()) {
	ctx, cancel := context.WithCancel(k.client.ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return cancel
	}
	k.work.Go(func() {
		tick := time.NewTicker(claimEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = k.client.call(ctx, "begin", callTimeout, func(ctx context.Context, conn rueidis.Client) error {
					b := conn.B().Eval().Script(extend).Numkeys(1).Key(claim).Arg(token, strconv.FormatInt(claimFor.Milliseconds(), 10)).Build()
					return conn.Do(ctx, b).Error()
				})
			}
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		// After the value, if there is one: they are sent in order.
		k.add(pending{name: claim, token: token})
	})
}
