package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

// tier is a partition of sealed rows: rows that were in a cut, with the people whose they were in it. It is never added to.
type tier struct {
	// Number is above that of every tier before, of whatever process.
	Number uint64 `json:"number"`
	Rows   int64  `json:"rows"`
	// Odd are rows whose own id is not their basis, though they are of no span: those of an id that had no link, of somebody else.
	Odd int64 `json:"odd,omitempty"`
	// Linked is the position of the cut: links that were written behind it are to be looked up.
	Linked eventlog.Position `json:"linked"`
	// before is how many of targets.moved its rows have. It is below zero by those that they lack of what came before the store was opened.
	before int
}

// of is the tier with a number, nil when there is none.
func of(tiers []tier, number uint64) *tier {
	if i := slices.IndexFunc(tiers, func(t tier) bool { return t.Number == number }); i >= 0 {
		return &tiers[i]
	}
	return nil
}

// sealed are the tiers of a project, which together have all its rows before a position.
type sealed struct {
	// number is above that of every one before.
	number   uint64
	position eventlog.Position
	tiers    []tier
}

// linked is the position up to which all its rows have the links, and those as well that are not sealed.
func (s sealed) linked() eventlog.Position {
	at := s.position
	for i := range s.tiers {
		at = min(at, s.tiers[i].Linked)
	}
	return at
}

// plain tells that it has no odd rows.
func (s sealed) plain() bool {
	return !slices.ContainsFunc(s.tiers, func(t tier) bool { return t.Odd > 0 })
}

// rows is the condition on a sealed row to be of it. Of a partition no row is looked at; servers ask each other by the column.
func (s sealed) rows(spread bool) string {
	numbers := make([]string, len(s.tiers))
	for i := range s.tiers {
		numbers[i] = strconv.FormatUint(s.tiers[i].Number, 10)
	}
	if spread {
		return "tier IN (" + strings.Join(numbers, ", ") + ")"
	}
	return "_partition_id IN ('" + strings.Join(numbers, "', '") + "')"
}

// unsealed is how many rows of each project are in no tier, and since when at the longest.
type unsealed map[store.ProjectID]*fresh

type fresh struct {
	rows  int64
	since time.Time
	// tried is when sealing them began the last time; again is when they may be, and pause for how long they were put off the last time.
	tried time.Time
	again time.Time
	pause time.Duration
}

func (u unsealed) add(p store.ProjectID, n int, now time.Time) {
	if u[p] == nil {
		u[p] = &fresh{}
	}
	if u[p].rows == 0 {
		u[p].since = now
	}
	u[p].rows += int64(n)
}

func (s *Store) countUnsealed() float64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := int64(0)
	for _, f := range s.unsealed {
		n += f.rows
	}
	return float64(n)
}

func (s *Store) countLinks() float64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for p, of := range s.sealed {
		most := 0
		for i := range of.tiers {
			most = max(most, s.targets.moved[p]-of.tiers[i].before)
		}
		n += most
	}
	return float64(n)
}

// retired is what nothing reads that begins to read from now on: tiers, and rows before a position that are sealed.
type retired struct {
	project  store.ProjectID
	tiers    []uint64
	position eventlog.Position
	// cut is the number of the latest cut that may read it, since when no new one of any process does.
	cut   uint64
	since time.Time
}

// numbersEach is how many numbers an epoch has for what it seals: more than one a second for half a year.
const numbersEach = 1 << 24

// nextSeal is a number for a tier and what it is part of. The caller holds changing, or nobody else has the store.
func (s *Store) nextSeal() uint64 {
	s.seals++
	return s.ownEpoch()*numbersEach + s.seals
}

// moved notes links that were written. The caller holds mu.
func (s *Store) moved(moves []move, after eventlog.Position) {
	for _, m := range moves {
		s.targets.latest[m.project] = after
		s.targets.moved[m.project]++
	}
}

// writeSealed makes known which tiers have a project's rows. Of two processes that do so the one that began the later epoch is heard,
// see assertSealed.
func (s *Store) writeSealed(ctx context.Context, all map[store.ProjectID]sealed) error {
	list := make([]string, 0, len(all))
	for p, n := range all {
		text, err := json.Marshal(n.tiers)
		if err != nil {
			return fmt.Errorf("encode tiers: %w", err)
		}
		list = append(list, fmt.Sprintf("(%d, %d, %d, %s)", p, n.number, n.position, quoteText(string(text))))
	}
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	err := s.client.write(ctx, fmt.Sprintf("INSERT INTO sealed (epoch, project, number, position, tiers) SELECT %d, r.1, r.2, r.3, r.4 FROM (SELECT arrayJoin([%s]) AS r) WHERE %s",
		s.ownEpoch(), strings.Join(list, ", "), s.unlessSuperseded()))
	if err != nil {
		return fmt.Errorf("note which rows are sealed: %w", err)
	}
	return s.current(ctx)
}

// loadSealed reads which tiers there are.
func (s *Store) loadSealed(ctx context.Context) error {
	var failed error
	err := s.rows(ctx, "SELECT project, max(number), argMax(position, number), argMax(tiers, number) FROM sealed WHERE "+s.valid("position", true)+" GROUP BY project", func(v []any) {
		n := sealed{number: v[1].(uint64), position: eventlog.Position(v[2].(uint64))}
		if err := json.Unmarshal([]byte(v[3].(string)), &n.tiers); err != nil {
			failed = err
		}
		s.sealed[store.ProjectID(v[0].(uint64))] = n
	})
	if err = cmp.Or(err, failed); err != nil {
		return fmt.Errorf("read which rows are sealed: %w", err)
	}
	return nil
}

// forgetSealed deletes what was said before of which rows are sealed.
func (s *Store) forgetSealed(ctx context.Context) error {
	s.mu.RLock()
	list := make([]string, 0, len(s.sealed))
	for p, n := range s.sealed {
		list = append(list, fmt.Sprintf("project = %d AND number < %d", p, n.number))
	}
	s.mu.RUnlock()
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return s.delete(ctx, "sealed", strings.Join(list, " OR "))
}

// assertSealed says for every project what this process takes for sealed. Whatever an earlier one may still say has a lower number, and what
// it makes is read by nobody a while from now.
func (s *Store) assertSealed(ctx context.Context) error {
	if err := s.loadSealed(ctx); err != nil {
		return err
	}
	all := map[store.ProjectID]sealed{}
	for p := range s.tables {
		n := s.sealed[p]
		n.number = s.nextSeal()
		all[p] = n
	}
	if err := s.writeSealed(ctx, all); err != nil {
		return err
	}
	s.sealed = all
	return errors.Join(s.countMoved(ctx), s.countFresh(ctx), s.findRetired(ctx))
}

// together runs statements as one, some at a time: all have the same columns.
func (s *Store) together(ctx context.Context, statements []string, take func([]any)) error {
	const some = 200
	for list := range slices.Chunk(statements, some) {
		if err := s.rows(ctx, strings.Join(list, " UNION ALL "), take); err != nil {
			return err
		}
	}
	return nil
}

// countMoved counts the links that have come since each tier was made.
func (s *Store) countMoved(ctx context.Context) error {
	var statements []string
	for p, n := range s.sealed {
		for i := range n.tiers {
			for _, table := range []string{"relinks", "spans"} {
				statements = append(statements, fmt.Sprintf("SELECT toUInt32(%d), toUInt32(%d), count() FROM %s WHERE project = %[1]d AND written > %[4]d", p, i, table, n.tiers[i].Linked))
			}
		}
	}
	err := s.together(ctx, statements, func(v []any) {
		s.sealed[store.ProjectID(v[0].(uint64))].tiers[v[1].(uint64)].before -= int(v[2].(uint64))
	})
	if err != nil {
		return fmt.Errorf("count links since rows were sealed: %w", err)
	}
	return nil
}

// countFresh counts the rows that are in no tier.
func (s *Store) countFresh(ctx context.Context) error {
	now := s.opts.Now()
	statements := make([]string, 0, len(s.tables))
	for p, t := range s.tables {
		statements = append(statements, fmt.Sprintf("SELECT toUInt32(%d), count() FROM %s WHERE seq >= %d", p, t.name, s.sealed[p].position))
	}
	err := s.together(ctx, statements, func(v []any) { s.unsealed.add(store.ProjectID(v[0].(uint64)), int(v[1].(uint64)), now) })
	if err != nil {
		return fmt.Errorf("count rows that are not sealed: %w", err)
	}
	return nil
}

// findRetired finds what others have left that nothing reads: tiers, and rows that are in one.
func (s *Store) findRetired(ctx context.Context) error {
	prefix, tiers := "sealed_", map[store.ProjectID][]uint64{}
	if s.spread() {
		prefix = "sealed_rows_"
	}
	sql := fmt.Sprintf("SELECT DISTINCT toUInt64(substring(table, %d)), toUInt64(partition) FROM system.parts"+
		" WHERE database = currentDatabase() AND active AND match(table, '^%s[0-9]+$')", len(prefix)+1, prefix)
	for _, h := range s.shards {
		err := h.client.rows(ctx, sql, func(v []any) {
			p, number := store.ProjectID(v[0].(uint64)), v[1].(uint64)
			if of(s.sealed[p].tiers, number) == nil && number < s.ownEpoch()*numbersEach && !slices.Contains(tiers[p], number) {
				tiers[p] = append(tiers[p], number)
			}
		})
		if err != nil {
			return fmt.Errorf("find tiers: %w", err)
		}
	}
	for p := range s.tables {
		gone := retired{project: p, tiers: tiers[p], position: s.sealed[p].position, since: s.opts.Now()}
		if gone.position > 0 || len(gone.tiers) > 0 {
			s.retired = append(s.retired, gone)
		}
	}
	return nil
}

// bury deletes what is retired and no open cut can read. The caller holds changing.
func (s *Store) bury(ctx context.Context) error {
	for i := 0; i < len(s.retired); {
		r := &s.retired[i]
		if !s.unread(r.cut, r.since) {
			i++
			continue
		}
		t := s.known(r.project)
		if err := s.deleteRows(ctx, t.rows, fmt.Sprintf("seq < %d", r.position)); err != nil {
			return err
		}
		for _, number := range r.tiers {
			err := s.everywhere(func(h *shard) error {
				return h.client.exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP PARTITION %d", t.sealedRows, number))
			})
			if err != nil {
				return fmt.Errorf("drop tier %d of %s: %w", number, t.sealedRows, err)
			}
		}
		s.retired = slices.Delete(s.retired, i, i+1)
	}
	return nil
}

// unread tells whether no open cut, and none of another process, can be as old as one that had a number at a time.
func (s *Store) unread(cut uint64, since time.Time) bool {
	if fault.Planted(fault.BuriedEarly) {
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n := range s.cuts {
		if n <= cut {
			return false
		}
	}
	return s.opts.Now().Sub(since) >= s.opts.Linger
}
