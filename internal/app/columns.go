package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/clickhouse"
	"github.com/freshet/freshet/internal/store/duckdb"
)

const (
	// storeFile is the file of the data folder that says where its events are when they are elsewhere.
	storeFile = "store.json"
	// askFor is how long a start waits for a store that is elsewhere to tell its position.
	askFor = 5 * time.Second
	// awayInterval is the least time between commits to a store that is elsewhere: each of them leaves parts there that are
	// merged later.
	awayInterval = 400 * time.Millisecond
)

// columns is the store of events, wherever it is.
type columns interface {
	store.Writer
	store.Reader
	store.Eraser
	Projects() []store.ProjectID
	Digests(ctx context.Context) ([]store.Digest, error)
	HotRows() int
	FormerDays() int
	Close() error
}

// storeNote is the content of storeFile.
type storeNote struct {
	// Owner is what the database calls this folder: its positions are those of this log, and of no other.
	Owner string `json:"owner"`
	// Database is for people to read.
	Database string `json:"database"`
	// Unasked is where the log ended when a server began to give out positions and could not ask the database for its own;
	// nil when it has been asked since.
	Unasked *eventlog.Position `json:"unasked,omitempty"`
}

func readStoreNote(data string) (*storeNote, error) {
	b, err := os.ReadFile(filepath.Join(data, storeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none while events are in the folder
	}
	var n storeNote
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", storeFile, err)
	}
	return &n, nil
}

func (n *storeNote) write(data string) error {
	b, err := json.Marshal(n)
	if err == nil {
		err = durable.WriteFile(filepath.Join(data, storeFile), b)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", storeFile, err)
	}
	return nil
}

// clash is the error of a store that has events at positions which the log has given out again since.
func (n *storeNote) clash(at eventlog.Position) error {
	if n.Unasked == nil || at <= *n.Unasked {
		return nil
	}
	return fmt.Errorf("the database %s has events up to position %d, of which the log had lost those from %d on when a server started "+
		"while it was away, and gave their positions to others: name an empty database with store.address, which is filled from the archive and the log",
		n.Database, at, *n.Unasked)
}

// checkStore finds what is wrong with where events are to be, before a predecessor is asked to stop. A store of the folder that is
// far behind would answer with the numbers of long ago.
func checkStore(c config.Config) error {
	n, err := readStoreNote(c.Data)
	switch {
	case err != nil:
		return err
	case c.Store.Address == "" && n != nil && goingBack(c.Data) && kept(c.Data):
		return nil
	case c.Store.Address == "" && n != nil:
		return fmt.Errorf("the events of %s are in ClickHouse (%s): set store.address; to have them in the folder again, stop the server and run freshet rebuild",
			c.Data, n.Database)
	case c.Store.Address == "":
		return nil
	}
	if _, err := clickhouse.ParseURL(c.Store.Address); err != nil {
		return fmt.Errorf("store.address: %w", err)
	}
	return nil
}

// forgetStore removes the note: the events are in the folder.
func forgetStore(data string) error {
	if err := os.Remove(filepath.Join(data, storeFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the store elsewhere: %w", err)
	}
	return nil
}

func databaseName(t clickhouse.Target) string { return t.Database + " on " + t.Address }

// awayOptions are those of a store that is elsewhere, and the folder's note of it. A folder without one gets one.
func awayOptions(c config.Config) (clickhouse.Options, *storeNote, error) {
	o := clickhouse.Options{Threads: c.Store.Threads, PropertyLimit: c.Store.PropertyLimit}
	if c.Split() || c.Lanes > 1 {
		o.Linger = lingerFor
	}
	var err error
	if o.Target, err = clickhouse.ParseURL(c.Store.Address); err != nil {
		return o, nil, fmt.Errorf("store.address: %w", err)
	}
	n, err := readStoreNote(c.Data)
	if err != nil {
		return o, nil, err
	}
	database := databaseName(o.Target)
	if n == nil || n.Database != database {
		next := storeNote{Owner: uuid.NewString(), Database: database}
		if n == nil {
			if n, err = adopt(c.Data, database); err != nil {
				return o, nil, err
			}
		}
		if n != nil {
			next.Owner = n.Owner
		}
		n = &next
		if err := n.write(c.Data); err != nil {
			return o, nil, err
		}
	}
	o.Owner = n.Owner
	// Positions of a log that is elsewhere are the same for every folder.
	if log, err := readLogNote(c.Data); err != nil {
		return o, nil, err
	} else if log != nil {
		o.Owner = log.storeOwner()
		n.Unasked = nil // nor are they given out again, and another process may have stored more meanwhile
	}
	return o, n, nil
}

// commitInterval is the least time between commits.
func commitInterval(c config.Config) time.Duration {
	if c.Store.Address != "" {
		return max(c.Freshness.CommitInterval, awayInterval)
	}
	return c.Freshness.CommitInterval
}

// stored is the position up to which the store has events. One that is elsewhere may be away: then events are accepted all the
// same, and it is compared when it is there.
func (a *way) stored(ctx context.Context) (eventlog.Position, error) {
	if a.Config.Store.Address == "" {
		return duckdb.LastPosition(a.Config.Data)
	}
	o, note, err := awayOptions(a.Config)
	if err != nil {
		return 0, err
	}
	o.Logger = a.Logger
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	found, err := clickhouse.Look(ctx, o)
	if errors.Is(err, clickhouse.ErrOwner) || errors.Is(err, clickhouse.ErrSpread) {
		return 0, err
	}
	if err != nil {
		a.unasked = true
		a.Logger.Error("the store cannot be asked for its position; events are accepted, answers follow", "error", err)
		return 0, nil
	}
	return found.Position, note.clash(found.Position)
}

// noteUnasked notes where the log ends when nobody knows whether the store has more than that.
func (a *way) noteUnasked() error {
	if !a.unasked || a.Config.Log.Address != "" {
		return nil
	}
	_, note, err := awayOptions(a.Config)
	if err != nil || note.Unasked != nil {
		return err
	}
	_, end := a.log.Bounds()
	note.Unasked = &end
	return note.write(a.Config.Data)
}

// openAway opens a store that is elsewhere.
func (p *pipeline) openAway(ctx context.Context, s *stage) error {
	o, note, err := awayOptions(p.config)
	if err != nil {
		return err
	}
	o.Logger, o.Registerer = p.logger, s.registry
	opened, err := p.openLeased(ctx, o)
	if err != nil {
		return err
	}
	s.store = opened
	if note.Unasked == nil {
		return nil
	}
	if err := note.clash(opened.Position()); err != nil {
		return err
	}
	note.Unasked = nil
	return note.write(p.config.Data)
}

// openStopped opens the store of a folder that no server uses; nil when there is none.
func openStopped(ctx context.Context, c config.Config, logger *slog.Logger) (columns, error) {
	if err := checkStore(c); err != nil {
		return nil, err
	}
	if c.Store.Address != "" {
		if n, err := readStoreNote(c.Data); n == nil {
			return nil, err
		}
		o, _, err := awayOptions(c)
		if err != nil {
			return nil, err
		}
		o.Logger = logger
		open := clickhouse.Open
		if leased(c) {
			open = clickhouse.Follow // another process may be writing
		}
		opened, err := open(ctx, o)
		if err != nil {
			return nil, err
		}
		return opened, nil
	}
	if _, err := os.Stat(filepath.Join(c.Data, duckdb.Files()[0])); err != nil {
		return nil, nil //nolint:nilerr,nilnil // there is none
	}
	options := storeOptions(c, c.Data, runtime.GOMAXPROCS(0))
	options.Logger = logger
	opened, err := duckdb.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// ProbeStore looks where events are, or will be, and changes nothing. advice says what to do about it.
func ProbeStore(ctx context.Context, c config.Config) (found, advice string, err error) {
	return probeLanes(ctx, c, probeStore)
}

func probeStore(ctx context.Context, c config.Config) (found, advice string, err error) {
	if err := checkStore(c); err != nil {
		return "", "freshet serve would refuse to start.", err
	}
	if c.Store.Address == "" {
		return "DuckDB " + duckdb.EngineVersion() + " in the data folder", "", nil
	}
	o := clickhouse.Options{}
	if o.Target, err = clickhouse.ParseURL(c.Store.Address); err != nil {
		return "", "", err
	}
	n, err := readStoreNote(c.Data)
	if n == nil && err == nil {
		n, err = adopt(c.Data, databaseName(o.Target))
	}
	if err != nil {
		return "", "", err
	}
	log, err := readLogNote(c.Data)
	if err != nil {
		return "", "", err
	}
	switch {
	case log != nil:
		o.Owner = log.storeOwner()
	case n != nil:
		o.Owner = n.Owner
	}
	began := time.Now()
	f, err := clickhouse.Look(ctx, o)
	if errors.Is(err, clickhouse.ErrSpread) {
		return "", "freshet serve would refuse to start.", err
	}
	if err != nil {
		return "", "Check the address, the user and the network; see the setting store.address. Events are accepted while it is away.", err
	}
	found = fmt.Sprintf("ClickHouse %s, database %s up to position %d, answers in %s", f.Version, o.Target.Database, f.Position, time.Since(began).Round(100*time.Microsecond))
	if o.Target.Cluster != "" {
		found += fmt.Sprintf(", events on %d shards", f.Shards)
		if err := clickhouse.Reach(ctx, o); err != nil {
			return found, "Check the addresses in remote_servers, from here and from the server of store.address, and the user on each shard.", err
		}
	}
	switch {
	case n == nil && f.Position > 0 && c.Does(config.RoleProcess):
		return found, "It has the events of another data folder: name an empty database.", clickhouse.ErrOwner
	case f.Exposed:
		advice = "The connection is not encrypted: use clickhouses:// and the server's TLS port."
	}
	return found, advice, nil
}
