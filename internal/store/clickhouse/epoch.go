package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/eventlog"
)

// epoch is the time for which one process had the store open. It wrote what is from start on, until the next one began.
type epoch struct {
	number uint64
	start  eventlog.Position
	// before is the number of the one that it goes on from; 0 is the next lower one, as versions had it that did not note it.
	before uint64
	// at is when it began, in microseconds since 1970.
	at int64
}

const (
	// underWay is for how long rows of an epoch that has ended may still come: a server closes a connection that is silent for longer
	// than that, and a commit gives up long before.
	underWay = time.Hour
	// fewestEpochs are told apart however long ago they ended, and mostEpochs at most.
	fewestEpochs, mostEpochs = 8, 64
	// beginTries is how often the beginning of an epoch is moved behind a commit that came meanwhile, each with the next number.
	beginTries = 16
)

// ErrSuperseded is wrapped by the errors of a store that another process has opened since.
var ErrSuperseded = errors.New("another process has opened the store since; there may be one only")

// errFollows says that another process writes.
var errFollows = errors.New("the store was opened for questions only")

// loadEpochs finds the epochs, and the position of the last complete commit.
func (s *Store) loadEpochs(ctx context.Context) error {
	all, err := s.readEpochs(ctx)
	if err != nil {
		return fmt.Errorf("read epochs: %w", err)
	}
	s.epochs = chain(all, s.opts.Now())
	if len(s.epochs) == 0 {
		return nil
	}
	at, err := s.committed(ctx)
	s.watermark.Position = at
	return err
}

// readEpochs reads the latest ones, by falling number. Those of a database whose writer is of an earlier version do not say what they
// go on from.
func (s *Store) readEpochs(ctx context.Context) (all []epoch, err error) {
	for _, before := range []string{"before", "toUInt64(0)"} {
		all = nil
		err = s.rows(ctx, "SELECT epoch, start, "+before+", at FROM epochs ORDER BY epoch DESC LIMIT 1000", func(v []any) {
			all = append(all, epoch{v[0].(uint64), eventlog.Position(v[1].(uint64)), v[2].(uint64), v[3].(int64)})
		})
		if !ch.IsErr(err, proto.ErrUnknownIdentifier) {
			return all, err
		}
	}
	return all, err
}

// chain are the epochs that the latest one goes on from, and itself, oldest first, of those by falling number. One that came in
// between, from a process that had lost its place by then, is not among them: nothing that it wrote is ever read.
func chain(all []epoch, now time.Time) (out []epoch) {
	since := now.Add(-underWay).UnixMicro()
	for i, e := range all {
		if n := len(out); n > 0 {
			next := out[n-1]
			if n >= mostEpochs || n >= fewestEpochs && next.at < since {
				break
			}
			if next.before != 0 && e.number != next.before {
				continue
			}
		}
		out = append(out, all[i])
	}
	slices.Reverse(out)
	return out
}

// committed is the position of the last complete commit, as of the epochs that are known.
func (s *Store) committed(ctx context.Context) (eventlog.Position, error) {
	at, err := s.number(ctx, "SELECT max(position) FROM commits WHERE "+s.valid("position", true))
	if err != nil {
		return 0, fmt.Errorf("read the position: %w", err)
	}
	return eventlog.Position(at), nil
}

// begin begins a new epoch behind the last complete commit.
//
// Whoever had the store before may be at work still. It looks after each commit whether its epoch is the latest one, and takes the commit
// for made only then; and here, once the new epoch is there for everybody, it is looked whether a commit came before it that is
// not behind its start. Then a next one begins there, which goes on from the same one. So the start of an epoch is
// behind everything that anybody took for made, and what others do on the strength of that is right whenever they do it.
func (s *Store) begin(ctx context.Context) error {
	if err := s.loadEpochs(ctx); err != nil {
		return err
	}
	var latest, before uint64
	if n := len(s.epochs); n > 0 {
		before = s.epochs[n-1].number
		latest = before
	}
	number := s.opts.Epoch
	if number == 0 {
		number = latest + 1
	}
	for range beginTries {
		if number <= latest {
			return fmt.Errorf("begin epoch %d, there is %d: %w", number, latest, ErrSuperseded)
		}
		next := epoch{number, s.watermark.Position, before, s.opts.Now().UnixMicro()}
		if err := s.writeEpoch(ctx, next, latest); err != nil {
			return fmt.Errorf("begin epoch %d: %w", number, err)
		}
		at := next.start
		if len(s.epochs) > 0 {
			var err error
			if at, err = s.committed(ctx); err != nil {
				return err
			}
		}
		if at == next.start {
			s.epochs = append(s.epochs, next)
			return s.current(ctx)
		}
		s.watermark.Position, latest, number = at, number, number+1
	}
	return fmt.Errorf("begin epoch %d: others go on to commit: %w", number, ErrSuperseded)
}

// writeEpoch makes an epoch known, unless another one than the latest that is known has begun.
func (s *Store) writeEpoch(ctx context.Context, e epoch, latest uint64) error {
	err := s.client.write(ctx, fmt.Sprintf("INSERT INTO epochs (epoch, start, at, before) SELECT %d, %d, %d, %d WHERE coalesce((SELECT max(epoch) FROM epochs), 0) = %d",
		e.number, e.start, e.at, e.before, latest))
	if err != nil {
		return err
	}
	found, err := s.number(ctx, "SELECT max(epoch) FROM epochs")
	if err != nil {
		return fmt.Errorf("read epochs: %w", err)
	}
	if found != e.number {
		return fmt.Errorf("there is %d: %w", found, ErrSuperseded)
	}
	return nil
}

// ownEpoch is the number of this store's epoch.
func (s *Store) ownEpoch() uint64 { return s.epochs[len(s.epochs)-1].number }

// unlessSuperseded is a condition for the server to look at when it carries out a statement: a process that was stopped for a while between
// looking whether it may and doing it does nothing any more.
func (s *Store) unlessSuperseded() string {
	return fmt.Sprintf("(SELECT max(epoch) FROM %s.epochs) = %d", quoteName(s.opts.Target.Database), s.ownEpoch())
}

// valid is the condition on a row to be of the epoch that wrote what is at its position. A commit has the position behind
// what it is of, so that one at the start of an epoch is of the one before.
func (s *Store) valid(position string, commit bool) string {
	sign := "<"
	if commit {
		sign = "<="
	}
	// Only rows behind the start of the first epoch that is known can be of a wrong one.
	var b strings.Builder
	fmt.Fprintf(&b, "(%s %s %d", position, sign, s.epochs[0].start)
	for i, e := range s.epochs {
		fmt.Fprintf(&b, " OR epoch = %d", e.number)
		if i+1 < len(s.epochs) {
			fmt.Fprintf(&b, " AND %s %s %d", position, sign, s.epochs[i+1].start)
		}
	}
	b.WriteString(")")
	return b.String()
}

// sweepEpochs deletes what earlier epochs have left behind their last commit. It takes up room only.
func (s *Store) sweepEpochs(ctx context.Context) error {
	type place struct {
		table, position string
		commit          bool
	}
	places := make([]place, 0, 5)
	places = append(places, place{"dead_letters", "position", false})
	for _, table := range []string{"links", "relinks", "spans", "holders"} {
		places = append(places, place{table, "written", true})
	}
	for _, t := range s.tables {
		if err := s.deleteRows(ctx, t.rows, "NOT "+s.valid("seq", false)); err != nil {
			return err
		}
	}
	for _, p := range places {
		if err := s.delete(ctx, p.table, "NOT "+s.valid(p.position, p.commit)); err != nil {
			return err
		}
	}
	return s.delete(ctx, "commits", "NOT "+s.valid("position", true))
}

// delete deletes rows, if there are any and this process is the latest to open the store: a mutation is a lot of work even for none.
func (s *Store) delete(ctx context.Context, table, where string) error {
	return s.client.delete(ctx, table, where, s.unlessSuperseded())
}

// deleteRows is delete for a table of the shards.
func (s *Store) deleteRows(ctx context.Context, table, where string) error {
	return s.everywhere(func(h *shard) error { return h.client.delete(ctx, table, where, s.unlessFenced()) })
}

func (c *client) delete(ctx context.Context, table, where, unless string) error {
	n, err := c.number(ctx, "SELECT count() FROM "+table+" WHERE "+where)
	if err == nil && n > 0 {
		err = c.mutate(ctx, "ALTER TABLE "+table+" DELETE WHERE ("+where+") AND "+unless)
	}
	if err != nil {
		return fmt.Errorf("delete from %s: %w", table, err)
	}
	return nil
}

func (s *Store) number(ctx context.Context, sql string) (uint64, error) {
	return s.client.number(ctx, sql)
}

func (s *Store) rows(ctx context.Context, sql string, take func([]any)) error {
	return s.client.rows(ctx, sql, take)
}

// current is an error when another process has begun an epoch.
func (s *Store) current(ctx context.Context) error {
	if s.follows {
		return errFollows
	}
	latest, err := s.number(ctx, "SELECT max(epoch) FROM epochs")
	if err != nil {
		return fmt.Errorf("read epochs: %w", err)
	}
	if own := s.ownEpoch(); latest != own {
		return fmt.Errorf("epoch %d, this one is %d: %w", latest, own, ErrSuperseded)
	}
	return nil
}
