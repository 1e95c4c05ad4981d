package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// shard is a server that has a part of the rows of every project. Everything else, who is who and what is committed, the server of the
// Target has alone, which may be a shard too: so a row is there for nobody before the commit is there, wherever the row is.
type shard struct {
	// number is that of the cluster, from 1 on.
	number int
	// address is where this process finds it.
	address string
	client  *client
}

// ErrSpread is wrapped by the error of opening a database whose rows are spread otherwise than over the shards that there are.
var ErrSpread = errors.New("the events of the database are spread otherwise")

// spreadSettings are those of statements that are answered by several servers. A shard that is away or silent is an error, never a smaller
// number.
var spreadSettings = [][2]string{
	{"skip_unavailable_shards", "0"},
	{"distributed_product_mode", "deny"},
	{"optimize_skip_unused_shards", "0"},
	{"optimize_distributed_group_by_sharding_key", "0"},
	{"receive_timeout", strconv.Itoa(int(packetTimeout.Seconds()))},
}

// listsFirst has the first server work out what a column is to be among, and send it along with the condition. Otherwise it sends the
// subquery, which a shard could not answer: it has no links, and of the rows its own. Lists of values have no rows to read.
// No text of a question is in a statement, see Dialect.Parameter.
var listsFirst = strings.NewReplacer(
	" IN (SELECT arrayJoin(", " IN (SELECT arrayJoin(",
	" NOT IN (SELECT ", " GLOBAL NOT IN (SELECT ",
	" IN (SELECT ", " GLOBAL IN (SELECT ",
)

// spread tells that there is a cluster.
func (s *Store) spread() bool { return s.opts.Target.Cluster != "" }

// shardOf is the place among n shards of the rows of a person, as they were written. Nothing that is read relies on it: links bring together
// people whose rows are on several.
func shardOf(person uint64, n int) int { return int(person % uint64(n)) }

// everywhere does something for all shards at a time, and waits for all of them.
func (s *Store) everywhere(do func(*shard) error) error {
	if len(s.shards) == 1 {
		return do(s.shards[0])
	}
	var all errgroup.Group
	for _, h := range s.shards {
		all.Go(func() error {
			if err := do(h); err != nil {
				return fmt.Errorf("shard %d, %s: %w", h.number, h.address, err)
			}
			return nil
		})
	}
	return all.Wait()
}

// unlessFenced is unlessSuperseded for statements about rows of events: the shards have no epochs, but the number of each that has begun
// since this one, and do nothing that comes late either.
func (s *Store) unlessFenced() string {
	if !s.spread() {
		return s.unlessSuperseded()
	}
	return fmt.Sprintf("(SELECT max(epoch) FROM %s.fence) = %d", quoteName(s.opts.Target.Database), s.ownEpoch())
}

// sameShards is a condition that is an error, not false, when the server no longer knows as many shards as have rows: somebody has changed
// its configuration meanwhile.
func (s *Store) sameShards() string {
	return fmt.Sprintf("(SELECT throwIf(count() <> (SELECT max(shards) FROM %s.spread), 'the cluster has another number of shards than the events are spread over')"+
		" FROM system.clusters WHERE cluster = %s) = 0", quoteName(s.opts.Target.Database), quoteText(s.opts.Target.Cluster))
}

// found are the shards that the server knows, and whether its database is spread over as many. It changes nothing, and fails with ErrSpread
// when the database cannot be opened so.
func (s *Store) found(ctx context.Context) (shards []*shard, made bool, err error) {
	t := s.opts.Target
	var spread, part, events bool
	err = s.rows(ctx, "SELECT name FROM system.tables WHERE database = "+quoteText(t.Database)+" AND (name IN ('spread', 'shard') OR match(name, '^events_[0-9]+$'))", func(v []any) {
		switch v[0].(string) {
		case "spread":
			spread = true
		case "shard":
			part = true
		default:
			events = true
		}
	})
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("look for a cluster's tables: %w", err)
	case t.Cluster == "" && spread:
		return nil, false, fmt.Errorf("the shards of a cluster have its rows; name the cluster in store.address, as …/%s?cluster=name: %w", t.Database, ErrSpread)
	case t.Cluster == "" && part:
		return nil, false, fmt.Errorf("it is a shard of another server's database; name that server and its cluster in store.address: %w", ErrSpread)
	case t.Cluster == "":
		return nil, false, nil
	case !spread && events:
		return nil, false, fmt.Errorf("this server alone has its rows; name a database that there is not, which is filled from the archive and the log, or leave ?cluster=%s out: %w",
			t.Cluster, ErrSpread)
	}
	if shards, err = s.cluster(ctx); err != nil || !spread {
		return shards, false, err
	}
	n, err := s.number(ctx, "SELECT max(shards) FROM "+quoteName(t.Database)+".spread")
	if err != nil {
		return nil, false, fmt.Errorf("read how the rows are spread: %w", err)
	}
	if n != 0 && int(n) != len(shards) {
		return nil, false, fmt.Errorf("%d shards have its rows, the cluster %s has %d; make it have as many again, or name a database that there is not, which is filled from the archive and the log: %w",
			n, t.Cluster, len(shards), ErrSpread)
	}
	return shards, n != 0, nil
}

// cluster are the shards of the cluster as the server knows it.
func (s *Store) cluster(ctx context.Context) (shards []*shard, err error) {
	name := s.opts.Target.Cluster
	replicas := false
	err = s.rows(ctx, "SELECT shard_num, host_name, port, is_local FROM system.clusters WHERE cluster = "+quoteText(name)+" ORDER BY shard_num", func(v []any) {
		h := &shard{number: int(v[0].(uint64)), address: net.JoinHostPort(v[1].(string), strconv.FormatUint(v[2].(uint64), 10))}
		if v[3].(uint64) == 1 {
			h.address = s.opts.Target.Address
		}
		replicas = replicas || h.number != len(shards)+1
		shards = append(shards, h)
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the cluster %s: %w", name, err)
	case len(shards) == 0:
		return nil, fmt.Errorf("the server knows no cluster %s: it is not in remote_servers of its configuration: %w", name, ErrSpread)
	case replicas:
		return nil, fmt.Errorf("a shard of the cluster %s has several replicas; each must have one: %w", name, ErrSpread)
	}
	return shards, nil
}

// Reach asks each shard for an answer: from here, and as the first server asks them.
func Reach(ctx context.Context, o Options) error {
	o.defaults()
	o.Registerer, o.Target.Database = nil, ""
	s := &Store{opts: o, client: newClient(&o)}
	defer s.disconnect()
	shards, err := s.cluster(ctx)
	if err != nil {
		return err
	}
	for _, h := range shards {
		h.client = s.client.at(h.address)
	}
	s.shards = shards
	err = s.everywhere(func(h *shard) error { return h.client.rows(ctx, "SELECT 1", func([]any) {}) })
	if err != nil {
		return fmt.Errorf("reach the shards: %w", err)
	}
	if err = s.rows(ctx, "SELECT 1 FROM cluster("+quoteText(o.Target.Cluster)+", system.one)", func([]any) {}); err != nil {
		return fmt.Errorf("reach the shards from %s: %w", o.Target.Address, err)
	}
	return nil
}

// shardTables are what a shard has besides rows: which one it is of which database, and the epochs that have begun. Each statement may be
// carried out again.
var shardTables = []string{
	"CREATE TABLE IF NOT EXISTS shard (id String, number UInt32) ENGINE = MergeTree ORDER BY number" + durable,
	"CREATE TABLE IF NOT EXISTS fence (epoch UInt64) ENGINE = MergeTree ORDER BY epoch" + durable,
}

// join connects to the shards and finds out whether they are those of the database. One that is another server, or has lost its disk, would
// make numbers smaller.
func (s *Store) join(ctx context.Context) error {
	shards, made, err := s.found(ctx)
	if err != nil {
		return err
	}
	if !s.spread() {
		s.shards = []*shard{{number: 1, address: s.opts.Target.Address, client: s.client}}
		return nil
	}
	// id is a name of the database that the shards note; shards is 0 until all of them have.
	if err := s.client.exec(ctx, "CREATE TABLE IF NOT EXISTS spread (id String, shards UInt32) ENGINE = MergeTree ORDER BY id"+durable); err != nil {
		return fmt.Errorf("create the table of shards: %w", err)
	}
	for _, h := range shards {
		h.client = s.client
		if h.address != s.opts.Target.Address {
			h.client = s.client.at(h.address)
		}
	}
	s.shards = shards
	return s.everywhere(func(h *shard) error {
		if err := h.client.create(ctx); err != nil {
			return fmt.Errorf("create the database: %w", err)
		}
		for _, sql := range shardTables {
			if err := h.client.exec(ctx, sql); err != nil {
				return fmt.Errorf("create tables: %w", err)
			}
		}
		return s.compare(ctx, h, made)
	})
}

// compare finds out whether a server is the shard that it ought to be. One that has not noted anything may be one when the database is new.
func (s *Store) compare(ctx context.Context, h *shard, must bool) error {
	ids, err := s.ids(ctx)
	if err != nil {
		return err
	}
	noted, wrong := false, false
	err = h.client.rows(ctx, "SELECT id, number FROM shard", func(v []any) {
		noted = true
		wrong = wrong || !slices.Contains(ids, v[0].(string)) || int(v[1].(uint64)) != h.number
	})
	switch {
	case err != nil:
		return fmt.Errorf("read which shard it is: %w", err)
	case wrong:
		return fmt.Errorf("it is another shard, or one of another database that has this name; drop that, or put the shards in the order of before: %w", ErrSpread)
	case must && !noted:
		return fmt.Errorf("it has lost its rows, or is another server; bring it back, or name a database that there is not, which is filled from the archive and the log: %w", ErrSpread)
	}
	return nil
}

// ids are the names by which shards may know the database: one, unless two processes have begun it at a time.
func (s *Store) ids(ctx context.Context) (ids []string, err error) {
	err = s.rows(ctx, "SELECT DISTINCT id FROM spread ORDER BY id", func(v []any) { ids = append(ids, v[0].(string)) })
	if err != nil {
		return nil, fmt.Errorf("read the name of the database: %w", err)
	}
	return ids, nil
}

// settle has all shards know that this process's epoch has begun, before it relies on what they have; and those of a new database,
// which one they are.
func (s *Store) settle(ctx context.Context) error {
	if !s.spread() {
		return nil
	}
	err := s.everywhere(func(h *shard) error {
		return h.client.insert(ctx, "fence", proto.Input{{Name: "epoch", Data: proto.ColUInt64{s.ownEpoch()}}})
	})
	if err != nil {
		return fmt.Errorf("have the shards know of epoch %d: %w", s.ownEpoch(), err)
	}
	made, err := s.number(ctx, "SELECT max(shards) FROM spread")
	if err != nil {
		return fmt.Errorf("read how the rows are spread: %w", err)
	}
	if made > 0 {
		return nil
	}
	err = s.client.write(ctx, fmt.Sprintf("INSERT INTO spread (id, shards) SELECT %s, 0 WHERE %s AND (SELECT count() FROM spread) = 0",
		quoteText(uuid.NewString()), s.unlessSuperseded()))
	if err != nil {
		return fmt.Errorf("name the database: %w", err)
	}
	ids, err := s.ids(ctx)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return fmt.Errorf("name the database: %w", ErrSuperseded)
	}
	err = s.everywhere(func(h *shard) error {
		err := h.client.write(ctx, fmt.Sprintf("INSERT INTO shard (id, number) SELECT %s, %d WHERE %s AND (SELECT count() FROM shard) = 0",
			quoteText(ids[0]), h.number, s.unlessFenced()))
		if err != nil {
			return fmt.Errorf("note which shard it is: %w", err)
		}
		return s.compare(ctx, h, true)
	})
	if err != nil {
		return err
	}
	err = s.client.write(ctx, fmt.Sprintf("INSERT INTO spread (id, shards) SELECT %s, %d WHERE %s", quoteText(ids[0]), len(s.shards), s.unlessSuperseded()))
	if err != nil {
		return fmt.Errorf("note how the rows are spread: %w", err)
	}
	return s.current(ctx)
}

// united are the tables that have the rows of a project on all shards, with its columns, as statements that make them.
func (s *Store) united(t *table) []string {
	plain := func(typ string) string {
		typ, _, _ = strings.Cut(typ, " CODEC")
		return typ
	}
	columns := append([]string{"basis UInt64"}, builtin(plain)...)
	for _, p := range t.props {
		columns = append(columns, p.Column+" "+plain(propertyType(p.Type)))
	}
	list := strings.Join(columns, ", ") + ") ENGINE = "
	return []string{t.sealed + " (tier UInt64, " + list + s.engine(t.sealedRows), t.name + " (epoch UInt64, " + list + s.engine(t.rows)}
}

// engine is that of a table of united, in the words in which the server has it.
func (s *Store) engine(rows string) string {
	return fmt.Sprintf("Distributed(%s, %s, %s)", quoteText(s.opts.Target.Cluster), quoteText(s.opts.Target.Database), quoteText(rows))
}
