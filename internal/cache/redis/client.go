// Package redis shares through a Redis server what several processes can do without: answers (Cache), and what they have taken of
// rates (Debts).
// Nothing waits for Redis longer than a moment, and nothing is lost with it: while it is away, each process goes on with what it
// knows itself.
package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/rueidis"

	"github.com/freshet/freshet/internal/remote"
)

const (
	dialTimeout = time.Second
	// silence is how long a connection may have requests without an answer before it is given up.
	silence = 2 * time.Second
	// callTimeout bounds a call that somebody waits for, quietTimeout one that nobody does.
	callTimeout  = 150 * time.Millisecond
	quietTimeout = time.Second
	// After breakAfter calls in a row that failed, nothing is asked of the server for breakFor; then one call may.
	breakAfter = 3
	breakFor   = time.Second
	// connectEvery is the time between two tries to connect for the first time.
	connectEvery = time.Second
)

// errAway is the error of a call that was not made, because there is no connection or the last calls have all failed.
var errAway = errors.New("redis does not answer; it is asked again soon")

// Options configure a Client.
type Options struct {
	Target Target
	// Space is what else uses the server: only clients of the same one see each other.
	Space      string
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Client is a connection to a server that may be away at any time.
type Client struct {
	logger  *slog.Logger
	prefix  string
	service *remote.Service
	conn    atomic.Pointer[rueidis.Client]
	// complained is when an error that the server itself reported was logged last, in nanoseconds since 1970.
	complained atomic.Int64

	ctx  context.Context //nolint:containedctx // it ends what Close waits for
	stop context.CancelFunc
	work sync.WaitGroup
}

// Open begins to connect, and does not wait for it.
func Open(ctx context.Context, o Options) *Client {
	c := &Client{logger: o.Logger, prefix: prefixOf(o.Space)}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.service = remote.New(remote.Options{
		Name: "redis", What: "Redis", Results: "ok, failed", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 15),
		Passes: passes, Tries: 1, RetryLeast: breakFor, RetryMost: 2 * breakFor, BreakAfter: breakAfter, BreakFor: breakFor,
		Away: func() {
			c.logger.Error("Redis does not answer: this process goes on by itself", "wait", breakFor)
		},
		Back:       func() { c.logger.Info("Redis answers again") },
		Again:      func(int, error) {},
		Registerer: o.Registerer,
	})
	c.work.Go(func() { c.connect(o.Target.option(), o.Target.Address) })
	return c
}

// prefixOf is what keys of a space begin with. It shows none of the addresses in it.
func prefixOf(space string) string {
	sum := sha256.Sum256([]byte(space))
	return "freshet:" + hex.EncodeToString(sum[:8]) + ":"
}

// connect makes the first connection. Later ones are rueidis's to make.
func (c *Client) connect(option rueidis.ClientOption, address string) {
	for failed := false; ; failed = true {
		conn, err := rueidis.NewClient(option)
		if err == nil {
			c.conn.Store(&conn)
			c.logger.Info("connected to Redis", "address", address)
			return
		}
		if !failed {
			c.logger.Error("Redis cannot be reached: this process goes on by itself, and tries again", "address", address, "error", err)
		}
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(connectEvery):
		}
	}
}

// Close ends the connection.
func (c *Client) Close() {
	c.stop()
	c.work.Wait()
	if conn := c.conn.Load(); conn != nil {
		(*conn).Close()
	}
}

// passes tells whether a call that failed so may succeed later: what the server itself says is no sign of its being away.
func passes(err error) bool {
	if _, told := rueidis.IsRedisErr(err); told || err == nil {
		return false
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, errGone) && !errors.Is(err, circuitbreaker.ErrOpen)
}

// errGone says that the caller did not wait for the end of the call.
var errGone = errors.New("nobody waits for it")

// call makes a call that may take for a while. Its error is none of the caller's concern: it is logged and counted.
func (c *Client) call(ctx context.Context, call string, limit time.Duration, try func(context.Context, rueidis.Client) error) error {
	began := time.Now()
	err := c.service.Once.WithContext(ctx).Run(func() error {
		conn := c.conn.Load()
		if conn == nil {
			return errAway
		}
		inner, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		err := try(inner, *conn)
		if err != nil && ctx.Err() != nil {
			return fmt.Errorf("%w: %w", errGone, ctx.Err())
		}
		return err
	})
	result := "ok"
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen) || errors.Is(err, errAway):
		err, result = errAway, "away"
	case err != nil:
		result = "failed"
		c.complain(call, err)
	}
	c.service.Count(call, result, time.Since(began))
	return err
}

// complain logs what the server itself objects to, such as a full memory, once a minute at most.
func (c *Client) complain(call string, err error) {
	if _, told := rueidis.IsRedisErr(err); !told {
		return
	}
	now, last := time.Now().UnixNano(), c.complained.Load()
	if now-last > int64(time.Minute) && c.complained.CompareAndSwap(last, now) {
		c.logger.Warn("Redis refuses a call", "call", call, "error", err)
	}
}

// Found is what there is at an address.
type Found struct {
	Version string
	// Exposed tells that the connection is not encrypted and leaves the machine.
	Exposed bool
}

// Look looks at a server and changes nothing.
func Look(ctx context.Context, t Target) (*Found, error) {
	conn, err := rueidis.NewClient(t.option())
	if err != nil {
		return nil, fmt.Errorf("look at Redis on %s: %w", t.Address, err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	hello, err := conn.Do(ctx, conn.B().Hello().Build()).AsMap()
	if err != nil {
		return nil, fmt.Errorf("look at Redis on %s: %w", t.Address, err)
	}
	version := hello["version"]
	text, err := version.ToString()
	if err != nil {
		return nil, fmt.Errorf("look at Redis on %s: read its version: %w", t.Address, err)
	}
	return &Found{Version: text, Exposed: t.exposed()}, nil
}
