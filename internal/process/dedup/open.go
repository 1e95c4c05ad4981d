package dedup

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

const (
	tmpSuffix = ".tmp"
	badSuffix = ".bad"
)

// Open reads the index in dir, making it when there is none. A damaged or missing run is dropped together with all
// later ones when the log still has its events, so that Checkpoint leads the caller to read them again; otherwise its
// ids are lost, which is logged.
func Open(dir string, o Options) (*Index, error) {
	o.defaults()
	x := &Index{opts: o, dir: dir, window: int64(o.Window.Seconds()), buf: make([]byte, blockBytes)}
	if err := o.FS.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open dedup index: %w", err)
	}
	// The checkpoint is what the log may forget, so the folder's own name has to be durable before anything in it is.
	if err := syncDir(o.FS, o.FS.PathDir(dir)); err != nil {
		return nil, fmt.Errorf("open dedup index: %w", err)
	}
	members, err := x.openRuns()
	if err != nil {
		for _, m := range members {
			_ = m.run.close()
		}
		return nil, fmt.Errorf("open dedup index: %w", err)
	}
	if n := len(members); n > 0 {
		x.next = members[n-1].run.to
		for _, m := range members {
			x.latest.Store(max(x.latest.Load(), m.run.maxSec))
		}
	}
	members = x.foldFilters(members)
	x.members.Store(&members)
	x.checkpoint.Store(x.next)
	x.active = newTable(min(minTableBits, o.TableBits))
	x.active.begin(x.next)
	if err := x.register(o.Registerer); err != nil {
		return nil, fmt.Errorf("open dedup index: %w", err)
	}
	return x, nil
}

// Last is the position up to which the index in a folder may know ids, without changing anything; 0 when there is none. An
// index with runs of a later version is an error.
func Last(dir string) (eventlog.Position, error) {
	names, err := vfs.Default.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("list dedup runs: %w", err)
	}
	var last uint64
	for _, name := range names {
		var s span
		if n, _ := fmt.Sscanf(name, "%016x-%016x.run", &s.from, &s.to); n == 2 && name == runName(s.from, s.to) {
			last = max(last, s.to)
			if err := known(dir, name); err != nil {
				return 0, err
			}
		}
	}
	return eventlog.Position(last), nil
}

// known refuses a run of a later version. What else is wrong with it Open finds out.
func known(dir, name string) error {
	f, err := vfs.Default.Open(vfs.Default.PathJoin(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil // It was merged into another meanwhile.
	}
	if err != nil {
		return fmt.Errorf("open dedup run %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	if _, _, err := (&run{name: name, file: f}).footer(); errors.Is(err, event.ErrNewer) {
		return err
	}
	return nil
}

type span struct {
	from, to uint64
	name     string
}

// spans lists the runs in order, without those that a merged run has replaced and whose removal a crash prevented.
func (x *Index) spans() ([]span, error) {
	names, err := x.opts.FS.List(x.dir)
	if err != nil {
		return nil, err
	}
	var all []span
	for _, name := range names {
		var s span
		if n, _ := fmt.Sscanf(name, "%016x-%016x.run", &s.from, &s.to); n == 2 && name == runName(s.from, s.to) {
			s.name = name
			all = append(all, s)
		} else if strings.HasSuffix(name, tmpSuffix) {
			if err := x.remove(name); err != nil {
				return nil, err
			}
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].from != all[j].from {
			return all[i].from < all[j].from
		}
		return all[i].to > all[j].to
	})
	kept := all[:0]
	for _, s := range all {
		if n := len(kept); n > 0 && s.to <= kept[n-1].to {
			if err := x.remove(s.name); err != nil {
				return nil, err
			}
			continue
		}
		kept = append(kept, s)
	}
	return kept, nil
}

func (x *Index) openRuns() ([]member, error) {
	spans, err := x.spans()
	if err != nil {
		return nil, err
	}
	var members []member
	for i := 0; i < len(spans); i++ {
		s := spans[i]
		if n := len(members); n > 0 && members[n-1].run.to != s.from {
			s = span{from: members[n-1].run.to, to: s.from}
			i--
		}
		m, err := member{}, error(event.Errorf(event.Corrupt, "dedup_missing", "no run for positions %d to %d", s.from, s.to))
		if s.name != "" {
			m, err = openRun(x.opts.FS, x.dir, s.name)
		}
		if err == nil {
			members = append(members, m)
			continue
		}
		var e *event.Error
		if !errors.As(err, &e) || e.Kind != event.Corrupt {
			return members, err
		}
		if s.from >= uint64(x.opts.LogStart) {
			x.opts.Logger.Warn("dedup index damaged, its end will be rebuilt from the log", "from", s.from, "error", err)
			return members, x.removeFrom(spans[max(i, 0):], s)
		}
		x.opts.Logger.Error("dedup index damaged, ids lost", "from", s.from, "to", s.to, "error", err)
		if s.from >= s.to {
			return members, err
		}
		if m, err = x.writeRun(nil, s.from, s.to); err != nil {
			return members, err
		}
		members = append(members, m)
	}
	return members, nil
}

// removeFrom removes the runs that begin at or after the damaged one.
func (x *Index) removeFrom(spans []span, damaged span) error {
	for _, s := range spans {
		if s.from >= damaged.from {
			if err := x.remove(s.name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Index) remove(name string) error {
	return x.opts.FS.Remove(x.opts.FS.PathJoin(x.dir, name))
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// damaged takes a run's file out of the next Open's sight when err says that its bytes are wrong, and returns err.
func (x *Index) damaged(r *run, err error) error {
	if event.KindOf(err) != event.Corrupt {
		return err
	}
	path := x.opts.FS.PathJoin(x.dir, r.name)
	return errors.Join(err, x.opts.FS.Rename(path, path+badSuffix))
}

// create writes a run file by f and opens it; the file is there as a whole or not at all.
func (x *Index) create(name string, f func(vfs.File) error) (member, error) {
	fs := x.opts.FS
	tmp := fs.PathJoin(x.dir, name+tmpSuffix)
	file, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return member{}, err
	}
	err = f(file)
	if err == nil && !fault.Planted(fault.NoSyncAtRename) {
		err = file.Sync()
	}
	if err == nil {
		err = fault.Hit(fault.DedupRun)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return member{}, errors.Join(err, fs.Remove(tmp))
	}
	if err := fs.Rename(tmp, fs.PathJoin(x.dir, name)); err != nil {
		return member{}, err
	}
	if err := errors.Join(fault.Hit(fault.DedupNamed), syncDir(fs, x.dir)); err != nil {
		return member{}, err
	}
	return openRun(fs, x.dir, name)
}
