package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/cache"
	"github.com/freshet/freshet/internal/cache/memory"
	"github.com/freshet/freshet/internal/cache/redis"
	"github.com/freshet/freshet/internal/config"
)

// resultCache bounds the answers kept in memory.
const resultCache = 32 << 20

// checkCache finds what is wrong with where answers are shared, before a predecessor is asked to stop. Whether it is there does not
// matter.
func checkCache(c config.Config) error {
	if c.Cache.Address == "" {
		return nil
	}
	if _, err := redis.ParseURL(c.Cache.Address); err != nil {
		return fmt.Errorf("cache.address: %w", err)
	}
	return nil
}

// openShared begins to connect to what processes share.
func (a *app) openShared(ctx context.Context) {
	if a.Config.Cache.Address == "" {
		return
	}
	target, err := redis.ParseURL(a.Config.Cache.Address)
	if err != nil {
		return // checkCache has refused it
	}
	a.redis = redis.Open(ctx, redis.Options{Target: target, Space: a.space(), Logger: a.Logger, Registerer: a.registry})
}

// space is what processes must have in common to share anything: the events, the projects, and the way in which this version
// writes answers.
func (a *app) space() string {
	return a.Config.Store.Address + "\n" + a.Config.Project + "\n" + a.Version
}

// debts is what processes have taken together of the rates of projects; nil when there are no others, or no way to them. Projects
// have the same numbers where they are in the same database; the user and the version do not matter, so that a change of them
// one process after the other gives nobody more.
func (a *app) debts() cache.Debts {
	if a.redis == nil || a.Config.Project == "" || !a.takes() {
		return nil
	}
	_, place, _ := strings.Cut(a.Config.Project, "://")
	return redis.NewDebts(a.redis, "rates\n"+place[strings.LastIndexByte(place, '@')+1:])
}

// openCache makes the memory for answers. Versions of a store in the folder are this process's own, so nobody could share what is
// kept under them.
func (a *app) openCache() (cache.Cache, error) {
	near, err := memory.New(memory.Options{MaxBytes: resultCache, Registerer: a.registry})
	if err != nil {
		return nil, fmt.Errorf("set up the result cache: %w", err)
	}
	if a.redis == nil || a.Config.Store.Address == "" {
		return near, nil
	}
	a.results = redis.NewCache(a.redis, a.registry)
	return cache.Tiers{Near: near, Far: a.results}, nil
}

func (a *app) closeShared() {
	if a.results != nil {
		a.results.Close()
	}
	if a.redis != nil {
		a.redis.Close()
	}
}

// ProbeCache looks whether what processes share is there, and changes nothing. advice says what to do about it.
func ProbeCache(ctx context.Context, c config.Config) (found, advice string, err error) {
	if err := checkCache(c); err != nil {
		return "", "freshet serve would refuse to start.", err
	}
	if c.Cache.Address == "" {
		return "in memory", "", nil
	}
	target, err := redis.ParseURL(c.Cache.Address)
	if err != nil {
		return "", "", err
	}
	began := time.Now()
	f, err := redis.Look(ctx, target)
	if err != nil {
		advice = "Check the address, the user and the network; see the setting cache.address. Everything works without it: each process keeps its own answers, and lets a project send as much as it may."
		return "Redis cannot be used: " + err.Error(), advice, nil //nolint:nilerr // a server starts all the same
	}
	found = fmt.Sprintf("Redis %s on %s, answers in %s", f.Version, target.Address, time.Since(began).Round(100*time.Microsecond))
	switch {
	case f.Exposed:
		advice = "The connection is not encrypted: use rediss:// and the server's TLS port."
	case c.Store.Address == "" && c.Project == "":
		advice = "It has nothing to do: answers are shared where the events are in ClickHouse, see store.address, and rates where projects are in PostgreSQL, see project."
	}
	return found, advice, nil
}
