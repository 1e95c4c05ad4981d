package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/remote"
)

const (
	dialTimeout = 5 * time.Second
	// packetTimeout is how long the server may be silent within a statement. It reports progress ten times a second.
	packetTimeout = 30 * time.Second
	// writeTimeout bounds an insert and a change of a table's form, changeTimeout one of its rows.
	writeTimeout  = time.Minute
	changeTimeout = 6 * time.Hour
	// mostIdle is how many connections are kept, idleFor for how long: servers close them after a while.
	mostIdle = 8
	idleFor  = time.Minute
)

// client runs statements, each on a connection of its own that is kept for later ones.
type client struct {
	options ch.Options
	idle    chan idle
	service *remote.Service
	// keeps tells that the server can keep relations, see Dialect.
	keeps bool
}

// idle is a connection that nobody uses.
type idle struct {
	conn  *ch.Client
	since time.Time
}

// settings are those under which Dialect says what it says. The last ones let statements be long: they may list tens of
// thousands of numbers.
func settings(o *Options) []ch.Setting {
	var out []ch.Setting
	for _, s := range [][2]string{
		{"cast_keep_nullable", "1"},
		{"join_use_nulls", "1"},
		{"joined_subquery_requires_alias", "0"},
		{"aggregate_functions_null_for_empty", "1"},
		{"prefer_column_name_to_alias", "1"},
		{"precise_float_parsing", "1"},
		{"transform_null_in", "0"},
		{"union_default_mode", "ALL"},
		{"low_cardinality_allow_in_native_format", "0"},
		{"async_insert", "0"},
		{"mutations_sync", "2"},
		{"max_query_size", "67108864"},
		{"max_ast_elements", "2000000"},
		{"max_expanded_ast_elements", "4000000"},
		{"max_ast_depth", "10000"},
	} {
		out = append(out, ch.Setting{Key: s[0], Value: s[1], Important: true})
	}
	if o.Target.Cluster != "" {
		for _, s := range spreadSettings {
			out = append(out, ch.Setting{Key: s[0], Value: s[1], Important: true})
		}
	}
	if o.Threads > 0 {
		out = append(out, ch.Setting{Key: "max_threads", Value: strconv.Itoa(o.Threads), Important: true})
	}
	return out
}

func newClient(o *Options) *client {
	options := ch.Options{
		Address: o.Target.Address, User: o.Target.User, Password: o.Target.Password, Database: o.Target.Database,
		ClientName: "freshet", Compression: ch.CompressionLZ4, Settings: settings(o),
		DialTimeout: dialTimeout, HandshakeTimeout: dialTimeout, ReadTimeout: packetTimeout,
	}
	if o.Target.local() {
		options.Compression = ch.CompressionDisabled
	}
	if o.Target.TLS {
		options.TLS = tlsFor(o.Target.Address)
	}
	return &client{options: options, idle: make(chan idle, mostIdle), service: newService(o)}
}

func tlsFor(address string) *tls.Config {
	host, _, _ := net.SplitHostPort(address)
	return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
}

// at is a client of another server, which is asked in the same way. What stands between callers and the servers is one for all: a question
// needs each of them.
func (c *client) at(address string) *client {
	other := &client{options: c.options, idle: make(chan idle, mostIdle), service: c.service}
	other.options.Address = address
	if c.options.TLS != nil {
		other.options.TLS = tlsFor(address)
	}
	return other
}

// create makes the database if there is none.
func (c *client) create(ctx context.Context) error {
	return c.call(ctx, "change", c.service.Again, func(ctx context.Context) error {
		return c.alone(ctx, "", ch.Query{Body: "CREATE DATABASE IF NOT EXISTS " + quoteName(c.options.Database) + " ENGINE = Atomic"})
	})
}

// errSilent says that the server has not answered within the time of the client's own.
var errSilent = errors.New("ClickHouse has not answered in time")

// outOfTime tells the end of the caller's time from that of the client's own, which says that the server does not answer.
func outOfTime(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return errors.Join(ctx.Err(), err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s", errSilent, err.Error())
	}
	return err
}

// keeping is the setting under which relations of WITH may be MATERIALIZED.
const keeping = "enable_materialized_cte"

// learn finds out what the server can do, and allows. Nobody else uses the client yet.
func (c *client) learn(ctx context.Context) error {
	with := ch.Setting{Key: keeping, Value: "1", Important: true}
	q := ch.Query{Body: "WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT count() FROM a AS l JOIN a AS r ON l.x = r.x", Settings: []ch.Setting{with}}
	err := c.each(ctx, "look", q, func(proto.Results) error { return nil })
	switch {
	case ch.IsException(err):
		return nil // relations are worked out wherever they are read
	case err != nil:
		return fmt.Errorf("find out what the server can do: %w", err)
	}
	c.keeps = true
	c.options.Settings = append(c.options.Settings, with)
	c.close() // connections have the settings with which they were made
	return nil
}

// alone runs a statement on a connection of its own, which waits for the answer as long as ctx does.
func (c *client) alone(ctx context.Context, database string, q ch.Query) error {
	options := c.options
	options.Database, options.ReadTimeout = database, changeTimeout
	conn, err := ch.Dial(ctx, options)
	if err == nil {
		err = conn.Do(ctx, q)
		_ = conn.Close()
	}
	if err != nil {
		return outOfTime(ctx, err)
	}
	return nil
}

func (c *client) conn(ctx context.Context) (*ch.Client, error) {
	for {
		select {
		case i := <-c.idle:
			if !i.conn.IsClosed() && time.Since(i.since) < idleFor {
				return i.conn, nil
			}
			_ = i.conn.Close()
		default:
			return ch.Dial(ctx, c.options)
		}
	}
}

// do runs a statement. A connection that may be in the middle of one is not used again.
func (c *client) do(ctx context.Context, q ch.Query) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := c.conn(ctx)
	if err == nil {
		if err = conn.Do(ctx, q); err != nil {
			_ = conn.Close()
		}
	}
	if err != nil {
		return outOfTime(ctx, err)
	}
	select {
	case c.idle <- idle{conn, time.Now()}:
	default:
		_ = conn.Close()
	}
	return nil
}

// exec changes a table's form.
func (c *client) exec(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.call(ctx, "change", c.service.Once, func(ctx context.Context) error { return c.do(ctx, ch.Query{Body: sql}) })
}

// write writes the few rows that a statement names itself.
func (c *client) write(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.call(ctx, "write", c.service.Once, func(ctx context.Context) error { return c.do(ctx, ch.Query{Body: sql}) })
}

// mutate changes or deletes rows, which takes as long as writing them anew, and waits until it is done.
func (c *client) mutate(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return c.call(ctx, "change", c.service.Once, func(ctx context.Context) error {
		return c.alone(ctx, c.options.Database, ch.Query{Body: sql})
	})
}

// insert writes rows into a table, as one block. They are all there or none is.
func (c *client) insert(ctx context.Context, table string, input proto.Input) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	insert := func(ctx context.Context) error {
		return c.do(ctx, ch.Query{
			Body: input.Into(table), Input: input,
			// A block stays one part.
			Settings: []ch.Setting{{Key: "max_insert_block_size", Value: "100000000", Important: true}},
		})
	}
	err := c.call(ctx, "write", c.service.Once, insert)
	if err != nil && fault.Planted(fault.CommitAgain) {
		err = c.call(ctx, "write", c.service.Once, insert)
	}
	return err
}

// each runs a statement and calls take with every block of rows. It is run again if it fails before the first one.
func (c *client) each(ctx context.Context, call string, q ch.Query, take func(proto.Results) error) error {
	return c.call(ctx, call, c.service.Again, func(ctx context.Context) error {
		taken := false
		var results proto.Results
		q.Result = results.Auto()
		q.OnResult = func(_ context.Context, b proto.Block) error {
			if b.Rows == 0 {
				return nil
			}
			taken = true
			return take(results)
		}
		err := c.do(ctx, q)
		if err != nil && taken {
			return late{err}
		}
		return err
	})
}

// rows runs a statement and calls take with each row, which is good until it returns.
func (c *client) rows(ctx context.Context, sql string, take func([]any)) error {
	var b batch
	return c.each(ctx, "look", ch.Query{Body: sql}, func(r proto.Results) error {
		if err := b.of(r); err != nil {
			return err
		}
		row := make([]any, len(b.Columns))
		for i := range b.Rows {
			for j := range row {
				row[j] = b.value(j, i)
			}
			take(row)
		}
		return nil
	})
}

// number is the one that a statement selects, 0 when it is NULL.
func (c *client) number(ctx context.Context, sql string) (out uint64, err error) {
	err = c.rows(ctx, sql, func(v []any) {
		switch v := v[0].(type) {
		case uint64:
			out = v
		case int64:
			out = uint64(v)
		}
	})
	return out, err
}

func (c *client) close() {
	for {
		select {
		case i := <-c.idle:
			_ = i.conn.Close()
		default:
			return
		}
	}
}

func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}
