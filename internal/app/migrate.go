package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/clickhouse"
)

// migrateFolder is where a move of the store keeps its state: the note of the new store, and its index of event ids.
const migrateFolder = "migrate"

// MigrateOptions are what Migrate works with.
type MigrateOptions struct {
	// Config is that of the folder as it is served, To the one with which it is to be served.
	Config, To config.Config
	Logger     *slog.Logger
	// Rate is the most events a second that are brought over; 0 is as many as the machine can.
	Rate int
	// Ask has the server that uses the folder read the checksums of a project, from a day on (days since 1970-01-01) and of at least
	// what is before a position.
	Ask func(ctx context.Context, p store.ProjectID, from int64, atLeast eventlog.Position) (eventlog.Position, []store.Checksum, error)
	// Progress is told up to which position it is done, and of which; it may be nil.
	Progress func(done, of int64)
}

// Migrated is what a migration has done.
type Migrated struct {
	// Position is up to where the new store goes, Resumed up to where an earlier run had come.
	Position int64 `json:"position"`
	Resumed  int64 `json:"resumed"`
	// Seconds is how long this run took.
	Seconds float64 `json:"seconds"`
	// Days of receipt were compared, with so many events.
	Days   int   `json:"days"`
	Events int64 `json:"events"`
	// Different are days on which the stores have not the same events. Reworked are those on which they have, with something else
	// worked out of them: see store.Checksum.
	Different []Different `json:"different"`
	Reworked  []Different `json:"reworked"`
}

// Different is a day of a project in the store in use, and in the new one.
type Different struct {
	Project store.ProjectID `json:"project"`
	// Day of receipt, in days since 1970-01-01.
	Day  int64          `json:"day"`
	Now  store.Checksum `json:"now"`
	Next store.Checksum `json:"next"`
}

// migration is a run of Migrate.
type migration struct {
	MigrateOptions
	dir  string
	away clickhouse.Options
	// first are the first days that no retention has removed, or is about to, of the projects that have one.
	first map[store.ProjectID]int64
}

// Migrate fills a store in ClickHouse with everything that a folder has, from the archive and the log, while a server goes on
// with the folder's own, and compares the two by day of receipt. Broken off, it goes on where it was. A server that is then started with
// the new configuration goes on with the new store, behind the last event that is in it; the old one stays as it was.
func Migrate(ctx context.Context, o MigrateOptions) (_ *Migrated, err error) {
	began := time.Now()
	if err := o.check(); err != nil {
		return nil, err
	}
	m := migration{MigrateOptions: o, dir: filepath.Join(o.Config.Data, migrateFolder)}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the migration's folder: %w", err)
	}
	next := o.To
	next.Data = m.dir
	if m.away, _, err = awayOptions(next); err != nil {
		return nil, err
	}
	m.away.Logger = o.Logger
	if err := m.checkMove(ctx); err != nil {
		return nil, fmt.Errorf("the project of the new configuration: %w", err)
	}
	if err := m.findFirst(ctx); err != nil {
		return nil, err
	}
	out := &Migrated{Resumed: -1, Different: []Different{}, Reworked: []Different{}}
	log, err := openStoppedLog(ctx, o.Config, o.Logger)
	switch {
	case errors.Is(err, disk.ErrInUse):
		err = m.beside(ctx, out)
	case err == nil:
		err = errors.Join(m.alone(ctx, log, out), log.Close())
	}
	out.Seconds = time.Since(began).Seconds()
	return out, err
}

func (o *MigrateOptions) check() error {
	if err := errors.Join(checkStore(o.Config), checkControl(o.Config), checkLog(o.Config)); err != nil {
		return err
	}
	switch {
	case o.Config.Lanes > 1 || o.To.Lanes > 1:
		return errors.New("lanes is more than 1: a folder is moved to one lane; raise lanes when it has moved")
	case filepath.Clean(o.To.Data) != filepath.Clean(o.Config.Data):
		return fmt.Errorf("the new configuration has its data in %s, this one in %s: a move keeps the folder", o.To.Data, o.Config.Data)
	case o.Config.Store.Address != "":
		return errors.New("the events are in ClickHouse already: to bring them to another database, name an empty one with store.address and start the server")
	case o.To.Store.Address == "":
		return errors.New("the new configuration has no store.address: there is nothing to move")
	case o.To.Project != o.Config.Project && o.Config.Project != "":
		return errors.New("project differs in the new configuration: a control plane in PostgreSQL is moved by PostgreSQL's own means")
	case o.To.Log.Address != o.Config.Log.Address:
		return errors.New("log.address differs in the new configuration: there is no move of the log")
	case o.To.Archive != o.Config.Archive:
		return errors.New("archive differs in the new configuration: change the archive and the store one after the other")
	}
	return nil
}

// alone migrates a folder that no server uses.
func (m *migration) alone(ctx context.Context, log eventlog.Log, out *Migrated) (err error) {
	old, err := openStopped(ctx, m.Config, m.Logger)
	if err != nil {
		return err
	}
	if old == nil {
		return errors.New("the folder has no store: start the server with the new configuration, it begins there")
	}
	defer func() { err = errors.Join(err, old.Close()) }()
	return m.with(ctx, log, func(h archive.History) error {
		return m.fill(ctx, h, old.Position(), out, func(next columns) error {
			for _, p := range old.Projects() {
				have, err := checksumsOf(ctx, old, p, m.from(p))
				if err != nil {
					return err
				}
				if err := m.compare(ctx, p, have, next, out); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// beside migrates while a server uses the folder. Up to the end of the log it goes by itself; then the server is asked for one
// project after the other, and the new store brought to exactly where the server's is.
func (m *migration) beside(ctx context.Context, out *Migrated) error {
	var projects []store.ProjectID
	err := m.besideTo(ctx, func(end eventlog.Position) eventlog.Position { return end }, out, func(next columns) error {
		projects = next.Projects()
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range projects {
		at, have, err := m.Ask(ctx, p, m.from(p), eventlog.Position(out.Position))
		if err != nil {
			return fmt.Errorf("ask the server for the checksums of project %d: %w", p, err)
		}
		err = m.besideTo(ctx, func(eventlog.Position) eventlog.Position { return at }, out, func(next columns) error { return m.compare(ctx, p, have, next, out) })
		if err != nil {
			return err
		}
	}
	return nil
}

// besideTo fills the new store up to a position. What the server trims from the log meanwhile is in the archive, so the log is
// looked at again.
func (m *migration) besideTo(ctx context.Context, to func(end eventlog.Position) eventlog.Position, out *Migrated, then func(columns) error) error {
	for {
		log, closer, err := openLogBeside(ctx, m.Config)
		if err != nil {
			return err
		}
		_, end := log.Bounds()
		err = m.with(ctx, log, func(h archive.History) error { return m.fill(ctx, h, to(end), out, then) })
		err = errors.Join(err, closer.Close())
		if !errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			return err
		}
	}
}

// with opens the archive behind the log.
func (m *migration) with(ctx context.Context, log eventlog.Log, do func(archive.History) error) (err error) {
	bucket, closer, err := openBucket(ctx, m.Config, m.Logger, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	return do(archive.History{Log: log, Bucket: bucket})
}

// fill brings the new store up to a position and shows it to then.
func (m *migration) fill(ctx context.Context, h archive.History, end eventlog.Position, out *Migrated, then func(columns) error) (err error) {
	next, err := clickhouse.Open(ctx, m.away)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, next.Close()) }()
	if out.Resumed < 0 {
		out.Resumed = int64(next.Position())
	}
	if err := complete(ctx, h, next.Position()); err != nil {
		return err
	}
	f := filling{Config: m.Config, Logger: m.Logger, Rate: m.Rate, Dir: m.dir, Progress: m.Progress}
	if err := f.run(ctx, h, next, end); err != nil {
		return err
	}
	out.Position = int64(next.Position())
	return then(next)
}

// compare holds the days of a project in the new store to those of the old one.
func (m *migration) compare(ctx context.Context, p store.ProjectID, have []store.Checksum, next columns, out *Migrated) error {
	made, err := checksumsOf(ctx, next, p, m.from(p))
	if err != nil {
		return err
	}
	days := map[int64]*Different{}
	of := func(day int64) *Different {
		if days[day] == nil {
			days[day] = &Different{Project: p, Day: day, Now: store.Checksum{Day: day}, Next: store.Checksum{Day: day}}
		}
		return days[day]
	}
	for _, d := range have {
		of(d.Day).Now = d
	}
	for _, d := range made {
		of(d.Day).Next = d
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		d := days[day]
		out.Days++
		out.Events += d.Now.Events
		switch {
		case d.Now.Events != d.Next.Events || d.Now.Sent != d.Next.Sent:
			out.Different = append(out.Different, *d)
		case d.Now.Derived != d.Next.Derived:
			out.Reworked = append(out.Reworked, *d)
		}
	}
	return nil
}

// findFirst looks how long projects keep their events.
func (m *migration) findFirst(ctx context.Context) (err error) {
	projects, err := copiedProjects(ctx, m.Config, m.Logger, m.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, projects.Close()) }()
	m.first = map[store.ProjectID]int64{}
	for _, p := range projects.Projects() {
		if p.RetentionDays > 0 {
			m.first[store.ProjectID(p.ID)] = localDay(time.Now(), p.Location()) - int64(p.RetentionDays) + 1
		}
	}
	return nil
}

// from is the day from which on a project is compared.
func (m *migration) from(p store.ProjectID) int64 {
	if day, ok := m.first[p]; ok {
		return day
	}
	return math.MinInt64
}

func checksumsOf(ctx context.Context, of store.Reader, p store.ProjectID, from int64) ([]store.Checksum, error) {
	cut, err := of.Cut(ctx, p)
	if err != nil {
		return nil, err
	}
	defer cut.Close()
	return store.Checksums(ctx, cut, from)
}
