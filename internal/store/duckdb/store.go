// Package duckdb keeps events in DuckDB: fresh rows in a table in memory, the rest in row groups on disk that are
// written in large batches, ordered by day, person and time.
//
// It is a projection of the event log: the rows in memory are gone after a crash and come back from the log, because
// the position in the file says up to where the rows on disk are complete; both change in one transaction. A query
// reads the rows on disk before that position and the rows in memory behind it: one consistent cut.
package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	duck "github.com/duckdb/duckdb-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// The names of the two databases, as SQL knows them.
const (
	fileDatabase = "store"
	hotDatabase  = "hot"
)

// closeTimeout bounds how long a store that is closed waits for the last of its connections.
const closeTimeout = 20 * time.Second

// loadedMemory is how much of what Open has read stays in DuckDB's memory.
const loadedMemory = "2MB"

// Options configure a Store. Zero values take the defaults.
type Options struct {
	// Dir is the folder that holds the database file and its temporary files.
	Dir string
	// MemoryLimit bounds DuckDB's memory, in DuckDB's spelling; default "384MB".
	MemoryLimit string
	// Threads is the number of DuckDB's threads; 0 takes one a core.
	Threads int
	// FlushRows is how many rows in memory are enough to write them to disk; default 122,880 (one row group).
	FlushRows int
	// FlushEvery bounds how long a row stays in memory only; default 5 minutes.
	FlushEvery time.Duration
	// PropertyLimit is how many property columns a project may have; default 250.
	PropertyLimit int
	// CompactRuns is how many separately sorted runs a closed day may have before it is rewritten as one; default 4.
	CompactRuns int
	// Yield is called between two pieces of a flush, which may wait there while somebody waits for an answer; default it
	// does not. It is not called when rows pile up in memory.
	Yield func(ctx context.Context)
	// Spare does a piece of what merely tidies, or leaves it for a later call while somebody waits for answers; default it does it.
	Spare func(piece func() error) error
	// Full tells that the disk has no room for what merely tidies: days stay as they are, and dead rows where they are. Default it
	// always has.
	Full       func() bool
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

func (o *Options) defaults() {
	if o.MemoryLimit == "" {
		o.MemoryLimit = "384MB"
	}
	if o.FlushRows == 0 {
		o.FlushRows = 122880
	}
	if o.FlushEvery == 0 {
		o.FlushEvery = 5 * time.Minute
	}
	if o.PropertyLimit == 0 {
		o.PropertyLimit = 250
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Yield == nil {
		o.Yield = func(context.Context) {}
	}
	if o.Spare == nil {
		o.Spare = func(piece func() error) error { return piece() }
	}
	if o.Full == nil {
		o.Full = func() bool { return false }
	}
	if o.CompactRuns == 0 {
		o.CompactRuns = 4
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store implements store.Writer, store.Reader and store.Eraser.
type Store struct {
	opts      Options
	connector *duck.Connector
	db        *sql.DB
	// writer inserts into memory, flusher writes to disk; each has one user at a time.
	writer, flusher *sql.Conn
	metrics         *metrics
	persons         *bloom
	spares          spares
	chunks          chunks
	crew            *crew
	spreads         *spreads
	batch           batch
	preview         preview
	pending         *pendingLinks
	hands           *handovers

	// writing is held by a commit, and for the moment in which a generation is sealed.
	writing sync.Mutex
	// flushing is held by whatever writes to the file: flush, compaction, retention.
	flushing sync.Mutex
	wake     chan struct{}
	stop     context.CancelFunc
	done     sync.WaitGroup
	// broken is closed, once, when nothing more can be asked of the database.
	broken   chan struct{}
	breaking sync.Once

	// pin is held shared while a cut takes hold of the file, and exclusively while a change of the file becomes visible.
	pin sync.RWMutex
	// mu guards what a cut is made of.
	mu     sync.RWMutex
	tables map[store.ProjectID]*table
	gens   []*generation
	// retired are the generations that are on disk and still have readers.
	retired   []*generation
	cold      eventlog.Position
	watermark store.Watermark
	advanced  chan struct{}
	ledger    ledger
	// versions count the changes of each project; they begin at opened, so that none comes twice after a restart.
	versions map[store.ProjectID]uint64
	opened   uint64
	// committed counts rows; asked and askedRows are when compaction last looked at it, and what it saw.
	committed atomic.Int64
	asked     time.Time
	askedRows int64
	// unmerged is how many dead rows the last vacuum could not clear away; 0 when it cleared some. flushing guards it.
	unmerged int64
	// formerDays is how many days have rows of a former layout; restUntil is when the next may be brought over, and flushing guards
	// it.
	formerDays atomic.Int64
	restUntil  time.Time
	// cuts is the number of the latest cut.
	cuts atomic.Uint64
	// generations is the number of the latest generation, sinceCheckpoint the number of flushes since a checkpoint.
	generations, sinceCheckpoint int
}

// generation is one set of tables in memory, filled by commits until it is flushed and dropped.
type generation struct {
	number int
	// tables are what cuts read; parts hold all columns of the same rows, and writing guards them.
	tables map[store.ProjectID]*hotTable
	parts  map[store.ProjectID]*part
	rows   int
	bytes  int
	oldest time.Time
	counts map[ledgerKey]store.Counts
	sdks   map[ledgerKey]store.SDKCounts
	dead   []store.DeadLetter
	links  []store.Link
	hands  []store.Handover
	// holders are the latest of each id.
	holders map[idKey]store.Holder
	end     eventlog.Position
	newest  int64
	sealed  bool
	// readers counts the cuts that read the generation; it is dropped after the last one.
	readers atomic.Int32
}

// connect opens the database, if need be without the end of its write-ahead log that a power cut has left behind.
func connect(path string, logger *slog.Logger) (*duck.Connector, error) {
	const options = "?storage_compatibility_version=latest"
	connector, err := duck.NewConnector(path+options, nil)
	if err == nil {
		return connector, nil
	}
	cut, mending := cutTail(path+".wal", err)
	if mending != nil || cut == 0 {
		return nil, errors.Join(err, mending)
	}
	logger.Warn("cut the end off the store's write-ahead log, which was not written to its end", "bytes", cut, "cause", err)
	return duck.NewConnector(path+options, nil)
}

// Open opens or creates the store in a folder.
func Open(ctx context.Context, o Options) (*Store, error) {
	o.defaults()
	path := filepath.Join(o.Dir, fileDatabase+".duckdb")
	connector, err := connect(path, o.Logger)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	crew, err := newCrew(connector, o.Threads-1)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), connector.Close())
	}
	s := &Store{
		opts: o, connector: connector, db: sql.OpenDB(connector), crew: crew,
		metrics: newMetrics(o.Registerer), persons: newBloom(),
		wake: make(chan struct{}, 1), advanced: make(chan struct{}), broken: make(chan struct{}),
		tables: map[store.ProjectID]*table{}, ledger: ledger{hours: map[ledgerKey]store.Counts{}}, pending: newPendingLinks(), hands: newHandovers(),
		versions: map[store.ProjectID]uint64{}, opened: uint64(o.Now().UnixNano()),
	}
	s.batch = batch{projects: map[store.ProjectID]*rows{}, counts: map[ledgerKey]store.Counts{}, sdks: map[ledgerKey]store.SDKCounts{}, holders: map[idKey]store.Holder{}}
	if err := s.load(ctx); err != nil {
		// All of it: DuckDB makes the next one who opens the file wait until nobody has a connection any more.
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.shut())
	}
	s.metrics.watch(o.Registerer, s.memory, s.difference, func() float64 { return float64(s.FormerDays()) })
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		s.maintain(background)
	}()
	return s, nil
}

func (s *Store) load(ctx context.Context) error {
	var err error
	if s.writer, err = s.db.Conn(ctx); err != nil {
		return err
	}
	if s.flusher, err = s.db.Conn(ctx); err != nil {
		return err
	}
	settings := []string{
		limitMemory(s.opts.MemoryLimit),
		"SET temp_directory = '" + quoteText(filepath.Join(s.opts.Dir, "store.tmp")) + "'",
		"SET checkpoint_threshold = '1TB'",
		// A checkpoint would merge the last, partly filled row group of each flush with its neighbours, which rewrites the
		// whole table. Row groups that retention and compaction have emptied are dropped all the same, and vacuum merges
		// the others a few at a time.
		"SET max_vacuum_tasks = 0",
		"SET write_buffer_row_group_count = 1",
		// The threads that ask and write come and go; without one of its own the allocator keeps what they have freed.
		"SET allocator_background_threads = true",
		"ATTACH ':memory:' AS " + hotDatabase,
	}
	settings = append([]string{
		fmt.Sprintf("SET threads = %d", s.opts.Threads), fmt.Sprintf("SET external_threads = %d", s.opts.Threads),
	}, settings...)
	settings = append(settings, "SET enable_external_access = false")
	// An Arrow view is made in the current database; in the one in memory it costs nothing and is never written.
	settings = append(settings, "USE "+hotDatabase)
	for _, q := range settings {
		if _, err := s.writer.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	if s.spreads, err = newSpreads(s.writer); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if err := s.loadMeta(ctx); err != nil {
		return err
	}
	// What was read to begin with is not needed again: a server without work should be small. It stays when DuckDB cannot
	// let go of it.
	_, _ = s.writer.ExecContext(ctx, limitMemory(loadedMemory))
	for _, q := range []string{
		// It stays open to change: see giveBack.
		limitMemory(s.opts.MemoryLimit),
		"SET allowed_configs = ['memory_limit', 'max_vacuum_tasks', 'enable_progress_bar', 'enable_progress_bar_print']",
		"SET lock_configuration = true",
	} {
		if _, err := s.writer.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// limitMemory is the statement that sets how much DuckDB may take, as in 224MiB.
func limitMemory(limit string) string { return "SET memory_limit = '" + quoteText(limit) + "'" }

// Close writes what is in memory to disk and closes the database.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	ctx := context.Background()
	var err error
	for err == nil && s.Position() < s.Watermark().Position {
		err = s.flush(ctx)
	}
	if _, err := s.flusher.ExecContext(ctx, "CHECKPOINT"); err != nil {
		// Readers may stand in its way; what it would fold is durable beside the file.
		s.opts.Logger.Warn("checkpoint put off", "error", err)
	}
	return errors.Join(err, s.shut())
}

// shut closes without flushing.
func (s *Store) shut() error {
	s.crew.dismiss()
	var err error
	for _, conn := range []*sql.Conn{s.writer, s.flusher} {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	err = errors.Join(err, s.db.Close())
	// A connection whose user was called off is closed when that one is done with it, and DuckDB keeps its file, and the lock
	// on it, until the last one is.
	wait := time.NewTicker(time.Millisecond)
	defer wait.Stop()
	for began := time.Now(); s.db.Stats().OpenConnections > 0 && time.Since(began) < closeTimeout; {
		<-wait.C
	}
	err = errors.Join(err, s.connector.Close())
	s.spreads.close()
	return err
}

func quoteText(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == '\'' {
			out = append(out, '\'')
		}
		out = append(out, s[i])
	}
	return string(out)
}
