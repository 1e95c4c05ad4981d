package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// durable has a part on disk before its insert is answered: the log forgets what the store says it has.
const durable = " SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"

// migrations are applied in their order, each once. One that was begun may be begun again. They only ever add; what is no
// longer read is dropped by a later release.
var migrations = []string{
	"CREATE TABLE IF NOT EXISTS epochs (epoch UInt64, start UInt64, at Int64) ENGINE = MergeTree ORDER BY epoch" + durable,
	// totals is JSON: of this commit, or when folded is 1 of all up to it.
	"CREATE TABLE IF NOT EXISTS commits (epoch UInt64, position UInt64, newest Int64, folded UInt8, totals String CODEC(ZSTD))" +
		" ENGINE = MergeTree ORDER BY position" + durable,
	"CREATE TABLE IF NOT EXISTS links (epoch UInt64, project UInt32, written UInt64, position UInt64, ord UInt64, person UInt64, target UInt64)" +
		" ENGINE = MergeTree ORDER BY (project, person, position, written, ord)" + durable,
	// relinks say which person rows belong to that were stored under another one, whatever the links between.
	"CREATE TABLE IF NOT EXISTS relinks (epoch UInt64, project UInt32, written UInt64, position UInt64, ord UInt64, person UInt64, target UInt64)" +
		" ENGINE = MergeTree ORDER BY (project, person, written, ord)" + durable,
	// spans say whose the rows of a span are; kind is that of package clickhouse, id the one whose span it is, in its first row.
	"CREATE TABLE IF NOT EXISTS spans (epoch UInt64, project UInt32, written UInt64, ord UInt64, kind UInt8, span UInt64, id UInt64, target UInt64)" +
		" ENGINE = MergeTree ORDER BY (project, kind, span, written, ord)" + durable,
	"CREATE TABLE IF NOT EXISTS holders (epoch UInt64, project UInt32, written UInt64, id UInt64, owner UInt64, span UInt64, rival UInt64)" +
		" ENGINE = MergeTree ORDER BY (project, id, written)" + durable,
	"CREATE TABLE IF NOT EXISTS dead_letters (epoch UInt64, project UInt32, position UInt64, received Int64, stage LowCardinality(String)," +
		" code LowCardinality(String), reason String, protocol LowCardinality(String), body String CODEC(ZSTD))" +
		" ENGINE = MergeTree ORDER BY (project, position)" + durable,
	"CREATE TABLE IF NOT EXISTS properties (project UInt32, number UInt32, key String, type UInt8) ENGINE = MergeTree ORDER BY (project, number)" + durable,
	"CREATE TABLE IF NOT EXISTS expiries (project UInt32, day Int64, position UInt64, hours String CODEC(ZSTD), swept UInt8)" +
		" ENGINE = MergeTree ORDER BY (project, position)" + durable,
	"CREATE TABLE IF NOT EXISTS owners (owner String) ENGINE = MergeTree ORDER BY owner" + durable,
	// before is the epoch that another one goes on from.
	"ALTER TABLE epochs ADD COLUMN IF NOT EXISTS before UInt64",
	// tiers is JSON: those that have all rows of a project before a position; of the highest number.
	"CREATE TABLE IF NOT EXISTS sealed (epoch UInt64, project UInt32, number UInt64, position UInt64, tiers String CODEC(ZSTD)) ENGINE = MergeTree ORDER BY (project, number)" + durable,
}

// migrate brings the database's tables up to date.
func (s *Store) migrate(ctx context.Context) error {
	if err := s.client.exec(ctx, "CREATE TABLE IF NOT EXISTS migrations (version UInt32) ENGINE = MergeTree ORDER BY version"+durable); err != nil {
		return fmt.Errorf("create the table of migrations: %w", err)
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return err
	}
	for i := int(applied); i < len(migrations); i++ {
		if err := s.client.exec(ctx, migrations[i]); err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
		version := proto.ColUInt32{uint32(i + 1)}
		if err := s.client.insert(ctx, "migrations", proto.Input{{Name: "version", Data: version}}); err != nil {
			return fmt.Errorf("note migration %d: %w", i+1, err)
		}
	}
	return nil
}

// applied is how many migrations the database has. It is an error when it has more than this version knows: that would not find everything.
func (s *Store) applied(ctx context.Context) (uint64, error) {
	n, err := s.number(ctx, "SELECT max(version) FROM migrations")
	if err != nil {
		return 0, fmt.Errorf("read the migrations applied: %w", err)
	}
	if n > uint64(len(migrations)) {
		return 0, fmt.Errorf("the database has migration %d, this version knows %d: it was written by a newer one", n, len(migrations))
	}
	return n, nil
}

// table is what is known of one project's table. Columns are only ever added.
type table struct {
	project store.ProjectID
	// name is what is read, rows what is written: where there is a cluster, the table of that name on each shard. sealed and sealedRows are the
	// same for rows that are sealed.
	name, rows         string
	sealed, sealedRows string
	props              []store.PropertyColumn
	index              map[propertyKey]int
	limit              int
	// made are how many of the property columns the server's table has, -1 when there is no table.
	made int
	// ready tells that a commit has made the table; shown are the property columns that cuts have. Store.mu guards both.
	ready bool
	shown []store.PropertyColumn
	// loc is that in which the latest row was cut, nil when none was since the store was opened; since is the zone of the rows
	// that came while the days of others are cut anew.
	loc   *time.Location
	since flat.Zone
}

type propertyKey struct {
	key string
	typ store.Type
}

func newTable(project store.ProjectID, o *Options) *table {
	number := strconv.Itoa(int(project))
	t := &table{project: project, name: "events_" + number, sealed: "sealed_" + number, index: map[propertyKey]int{}, limit: o.PropertyLimit, made: -1}
	t.rows, t.sealedRows = t.name, t.sealed
	if o.Target.Cluster != "" {
		t.rows, t.sealedRows = "rows_"+number, "sealed_rows_"+number
	}
	return t
}

func (t *table) add(key string, typ store.Type) int {
	n := len(t.props)
	t.props = append(t.props, store.PropertyColumn{Key: key, Type: typ, Column: "p" + strconv.Itoa(n+1)})
	t.index[propertyKey{key, typ}] = n
	return n
}

// show lets cuts have the columns that there are; the caller holds Store.mu, or nobody else has the store.
func (t *table) show() { t.ready, t.shown = true, slices.Clone(t.props[:t.made]) }

// lowCardinality are the built-in columns of text that have the same few values in most rows.
var lowCardinality = map[string]bool{
	"kind": true, "event": true, "app_name": true, "app_version": true, "app_build": true, "app_namespace": true,
	"device_manufacturer": true, "device_model": true, "device_type": true, "os": true, "os_version": true, "browser": true,
	"locale": true, "timezone": true, "carrier": true, "network": true, "country": true, "region": true, "city": true,
	"campaign_source": true, "campaign_medium": true, "campaign_name": true, "library": true, "library_version": true,
	"protocol": true,
}

// hasMembers are the documents whose members lie beside them.
var hasMembers = []string{"traits", "extra", "overflow"}

func columnType(c store.Column) string {
	switch c.Type {
	case store.Float:
		return "Nullable(Float64)"
	case store.Boolean:
		return "Nullable(Bool)"
	case store.Time:
		return "DateTime64(6, 'UTC') CODEC(T64, LZ4)"
	case store.Int:
		return "Int64 CODEC(T64, LZ4)"
	case store.Number64:
		return "UInt64"
	case store.UUID:
		return "UUID"
	case store.JSON:
		return "Nullable(String) CODEC(ZSTD)"
	default:
		if lowCardinality[c.Name] {
			return "LowCardinality(Nullable(String))"
		}
		return "Nullable(String)"
	}
}

func propertyType(t store.Type) string {
	if t == store.Time {
		return "Nullable(DateTime64(6, 'UTC'))"
	}
	return columnType(store.Column{Type: t})
}

// make makes a project's table, with the property columns that it lacks. They are noted first: a column has one meaning
// for ever, whoever is killed in between.
func (s *Store) make(ctx context.Context, t *table) error {
	if t.made < 0 {
		if err := s.create(ctx, t); err != nil {
			return fmt.Errorf("create %s: %w", t.name, err)
		}
		t.made = 0
	}
	if t.made == len(t.props) {
		return nil
	}
	if err := s.noteProperties(ctx, t); err != nil {
		return err
	}
	return s.widen(ctx, t, t.made)
}

// builtin are the columns that each table has beside those of its kind; typed makes a type of what it is in a table that has rows.
func builtin(typed func(string) string) []string {
	out := make([]string, 0, 3+len(store.Columns)+len(hasMembers))
	out = append(out, "utc_day "+typed("Int32 CODEC(T64, LZ4)"), "own UInt64", "span "+typed("UInt64 CODEC(T64, LZ4)"))
	for _, c := range store.Columns {
		out = append(out, c.Name+" "+typed(columnType(c)))
	}
	for _, name := range hasMembers {
		out = append(out, members(name)+" "+typed("Map(String, String) CODEC(ZSTD)"))
	}
	return out
}

// create makes a project's tables that there are not. The local day is no part of their order: it is cut anew when a project moves to
// another zone.
func (s *Store) create(ctx context.Context, t *table) error {
	columns := strings.Join(builtin(func(typ string) string { return typ }), ", ") +
		", INDEX of_day day TYPE minmax GRANULARITY 1, INDEX of_time time TYPE minmax GRANULARITY 1, INDEX of_seq seq TYPE minmax GRANULARITY 1) ENGINE = MergeTree "
	const order = "ORDER BY (utc_day, person, time, seq)"
	for _, sql := range []string{
		t.sealedRows + " (tier UInt64, basis UInt64, " + columns + "PARTITION BY tier " + order + durable,
		t.rows + " (epoch UInt64 CODEC(T64, LZ4), basis UInt64 DEFAULT person, " + columns + order + durable,
	} {
		err := s.everywhere(func(h *shard) error { return h.client.exec(ctx, "CREATE TABLE IF NOT EXISTS "+sql) })
		if err != nil {
			return err
		}
	}
	if !s.spread() {
		return nil
	}
	for _, sql := range s.united(t) {
		if err := s.client.exec(ctx, "CREATE TABLE IF NOT EXISTS "+sql); err != nil {
			return err
		}
	}
	return nil
}

// noteProperties says what the columns are that a table lacks. Of two processes that name one at a time, neither may use it.
func (s *Store) noteProperties(ctx context.Context, t *table) error {
	rows := make([]string, 0, len(t.props)-t.made)
	for n := t.made; n < len(t.props); n++ {
		rows = append(rows, fmt.Sprintf("(%d, %d, %s, %d)", t.project, n, quoteText(t.props[n].Key), t.props[n].Type))
	}
	err := s.client.write(ctx, "INSERT INTO properties (project, number, key, type) SELECT r.1, r.2, r.3, r.4 FROM (SELECT arrayJoin(["+
		strings.Join(rows, ", ")+"]) AS r) WHERE "+s.unlessSuperseded())
	if err != nil {
		return fmt.Errorf("note the properties of project %d: %w", t.project, err)
	}
	noted := 0
	err = s.rows(ctx, fmt.Sprintf("SELECT DISTINCT number, key, type FROM properties WHERE project = %d AND number >= %d", t.project, t.made), func(v []any) {
		n := int(v[0].(uint64))
		if n >= len(t.props) || v[1].(string) != t.props[n].Key || store.Type(v[2].(uint64)) != t.props[n].Type {
			noted = -len(t.props)
		}
		noted++
	})
	if err != nil {
		return fmt.Errorf("read the properties of project %d: %w", t.project, err)
	}
	if noted != len(rows) {
		return fmt.Errorf("properties of project %d: %w", t.project, ErrSuperseded)
	}
	return nil
}

// widen adds the property columns from one on. Who reads relies on those that what it reads from has: a shard gets them first.
func (s *Store) widen(ctx context.Context, t *table, from int) error {
	parts := make([]string, 0, len(t.props)-from)
	for _, p := range t.props[from:] {
		parts = append(parts, "ADD COLUMN IF NOT EXISTS "+p.Column+" "+propertyType(p.Type))
	}
	add := " " + strings.Join(parts, ", ")
	alter := func(c *client, sealed, rows string) error {
		err := c.exec(ctx, "ALTER TABLE "+sealed+add)
		if err == nil {
			err = c.exec(ctx, "ALTER TABLE "+rows+add)
		}
		return err
	}
	err := s.everywhere(func(h *shard) error { return alter(h.client, t.sealedRows, t.rows) })
	if err == nil && s.spread() {
		err = alter(s.client, t.sealed, t.name)
	}
	if err != nil {
		return fmt.Errorf("add %d columns to %s: %w", len(parts), t.name, err)
	}
	t.made = len(t.props)
	return nil
}

// loadTables finds the tables and their properties, and makes columns that were noted only.
func (s *Store) loadTables(ctx context.Context) error {
	engines := map[store.ProjectID]string{}
	err := s.rows(ctx, "SELECT toUInt64(substring(name, 8)), engine_full FROM system.tables WHERE database = currentDatabase() AND match(name, '^events_[0-9]+$')",
		func(v []any) {
			t := newTable(store.ProjectID(v[0].(uint64)), &s.opts)
			t.made = 0
			engines[t.project] = v[1].(string)
			s.tables[t.project] = t
		})
	if err != nil {
		return fmt.Errorf("find tables: %w", err)
	}
	// A commit that failed may have noted a property, which the next one noted again, or two may have noted one at a time; then no row
	// has it.
	err = s.rows(ctx, "SELECT project, number, min((key, type)).1, min((key, type)).2 FROM properties GROUP BY project, number ORDER BY project, number", func(v []any) {
		if t := s.tables[store.ProjectID(v[0].(uint64))]; t != nil {
			t.add(v[2].(string), store.Type(v[3].(uint64)))
		}
	})
	if err != nil {
		return fmt.Errorf("read properties: %w", err)
	}
	if s.follows {
		return s.showTables(ctx)
	}
	made, err := s.columnsMade(ctx)
	if err != nil {
		return err
	}
	for _, t := range s.tables {
		if err := s.complete(ctx, t, made, engines[t.project]); err != nil {
			return err
		}
		t.show()
	}
	return nil
}
