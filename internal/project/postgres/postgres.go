// Package postgres keeps the control plane in a PostgreSQL database that several servers use.
//
// Opening it asks nothing of the database, which may be away at any time: each call says so. The first call that reaches it
// brings the schema up to date, one process at a time. A database of a newer version is used when its schema says that this
// version can, and refused otherwise.
//
// Changes are made one after the other, whichever server makes them. That is what makes limits exact, and the number of the
// latest audit entry a version of everything.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/statement"
)

const (
	// connections is how many a process has at most. One of them may hold the lock of the migrations while another migrates.
	connections = 4
	// connectTimeout is for each host of the address, unless that says another one.
	connectTimeout = time.Second
	// pingTimeout is what a connection that was idle may take to show that it is alive; then another one is made.
	pingTimeout = time.Second
)

// Options configure a Store; URL is required.
type Options struct {
	// URL is the database's address: postgres://user:password@host:5432/database?sslmode=verify-full.
	URL string
	// Timeout is how long a try may take; default 2 seconds.
	Timeout time.Duration
	Logger  *slog.Logger
	// Registerer gets the metrics; nil for none.
	Registerer prometheus.Registerer
}

// Store implements project.Shared.
type Store struct {
	*statement.Store
	engine *engine
	// seen is when the version was last read, in nanoseconds since 1970.
	seen atomic.Int64
}

var _ project.Shared = (*Store)(nil)

// Check reports what is wrong with an address, without its password.
func Check(address string) error {
	_, err := parse(address)
	return err
}

func parse(address string) (*pgxpool.Config, error) {
	if scheme, _, _ := strings.Cut(address, "://"); scheme != "postgres" && scheme != "postgresql" {
		return nil, errors.New("that is no address such as postgres://user@host:5432/database")
	}
	c, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	c.MaxConns, c.MinConns, c.MinIdleConns = connections, 0, 0
	c.MaxConnIdleTime, c.MaxConnLifetime, c.MaxConnLifetimeJitter = 5*time.Minute, 30*time.Minute, 5*time.Minute
	c.PingTimeout = pingTimeout
	// Nothing is prepared, so that a pooler of transactions may stand between, and a schema that has grown is no surprise.
	c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	if u, err := url.Parse(address); err != nil || !u.Query().Has("connect_timeout") {
		c.ConnConfig.ConnectTimeout = connectTimeout
	}
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = "freshet"
	}
	return c, nil
}

// Open makes a Store. Whether the database is there shows with the first call. ctx bounds nothing after Open has returned.
func Open(ctx context.Context, o Options) (*Store, error) {
	c, err := parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("open the control plane in PostgreSQL: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), c)
	if err != nil {
		return nil, fmt.Errorf("open the control plane in PostgreSQL: %w", err)
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("database", c.ConnConfig.Host+"/"+c.ConnConfig.Database)
	e := &engine{
		pool: pool, db: stdlib.OpenDBFromPool(pool), calls: newCalls(o), log: o.Logger, preparing: make(chan struct{}, 1),
	}
	s := &Store{Store: statement.New(e), engine: e}
	s.seen.Store(time.Now().UnixNano())
	if o.Registerer != nil {
		o.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "freshet_project_behind_seconds", Help: "Time since this process last knew that its projects and keys are those of the database.",
		}, func() float64 { return time.Since(time.Unix(0, s.seen.Load())).Seconds() }))
	}
	return s, nil
}

// Version implements project.Shared: the number of the latest audit entry. Entries become visible in the order of their
// numbers, since changes are made one after the other.
func (s *Store) Version(ctx context.Context) (uint64, error) {
	var version uint64
	err := s.engine.look(ctx, func(ctx context.Context, c statement.Conn) error {
		return c.QueryRowContext(ctx, "select coalesce(max(id), 0) from audit").Scan(&version)
	})
	if err == nil {
		s.seen.Store(time.Now().UnixNano())
	}
	return version, err
}
