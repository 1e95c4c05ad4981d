package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/freshet/freshet/internal/cache"
)

// debtsAtOnce is how many debts one script adds to: Redis does nothing else meanwhile, for less than a millisecond.
const debtsAtOnce = 200

// addDebts notes who calls in a set (the first key) and adds to debts (the others). What is kept is when a debt is paid, in
// microseconds by the clock of Redis, so that the clocks of processes do not matter; a key goes when it is.
const addDebts = `
local t = redis.call('time')
local now = t[1] * 1000000 + t[2]
redis.call('zadd', KEYS[1], now, ARGV[1])
redis.call('zremrangebyscore', KEYS[1], '-inf', now - ARGV[2])
redis.call('zremrangebyscore', KEYS[1], now + 1, '+inf')
redis.call('pexpire', KEYS[1], ARGV[2] / 1000)
local out = {redis.call('zcard', KEYS[1])}
for i = 2, #KEYS do
	local paid = tonumber(redis.call('get', KEYS[i]) or now)
	if paid < now or paid > now + ARGV[3] then paid = now end
	paid = paid + ARGV[i + 2]
	if paid > now then
		redis.call('set', KEYS[i], string.format('%.0f', paid), 'px', math.ceil((paid - now) / 1000))
	end
	out[i] = paid - now
end
return out`

// Debts implements cache.Debts.
type Debts struct {
	client          *Client
	prefix, process string
}

var _ cache.Debts = (*Debts)(nil)

// NewDebts shares debts through a client with all who have the same space.
func NewDebts(c *Client, space string) *Debts {
	return &Debts{c, prefixOf(space) + "debt:", rand.Text()}
}

// Add implements cache.Debts.
func (d *Debts) Add(ctx context.Context, more []cache.Debt) (owed []time.Duration, processes int, err error) {
	err = d.client.call(ctx, "debts", callTimeout, func(ctx context.Context, conn rueidis.Client) error {
		for i, r := range conn.DoMulti(ctx, d.scripts(conn, more)...) {
			got, err := r.AsIntSlice()
			if want := min(debtsAtOnce, len(more)-i*debtsAtOnce) + 1; err == nil && len(got) != want {
				err = fmt.Errorf("%d numbers, not %d", len(got), want)
			}
			if err != nil {
				return fmt.Errorf("add debts: %w", err)
			}
			processes = int(got[0])
			for _, micros := range got[1:] {
				owed = append(owed, time.Duration(micros)*time.Microsecond)
			}
		}
		return nil
	})
	return owed, processes, err
}

// scripts are the calls that add debts: one at least.
func (d *Debts) scripts(conn rueidis.Client, more []cache.Debt) (out rueidis.Commands) {
	micros := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	first := []string{d.process, micros(cache.SeenFor), micros(cache.LongestDebt)}
	for some := range slices.Chunk(more, debtsAtOnce) {
		keys, args := []string{d.prefix}, slices.Clone(first)
		for _, m := range some {
			keys, args = append(keys, d.prefix+m.Key), append(args, micros(m.Of))
		}
		out = append(out, conn.B().Eval().Script(addDebts).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
	}
	if len(more) == 0 {
		out = append(out, conn.B().Eval().Script(addDebts).Numkeys(1).Key(d.prefix).Arg(first...).Build())
	}
	return out
}
