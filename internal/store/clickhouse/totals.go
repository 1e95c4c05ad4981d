package clickhouse

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// change is what a commit adds to the totals, or all of them, as a row of the table commits has it.
type change struct {
	Hours []hour                        `json:"hours,omitempty"`
	Zones map[store.ProjectID]flat.Zone `json:"zones,omitempty"`
	// Others are projects about which something else has changed.
	Others []store.ProjectID `json:"others,omitempty"`
	// Overflows are projects that got rows with an overflow. Versions that did not tell have left it out.
	Overflows []store.ProjectID `json:"overflows"`
}

// hour is an entry of the ledger, and which SDKs sent its duplicates.
type hour struct {
	Project store.ProjectID `json:"project"`
	Hour    int64           `json:"hour"`
	store.Counts
	SDKs []store.SDKCount `json:"sdks,omitempty"`
}

func hourOf(k hourKey, c store.Counts, sdks store.SDKCounts) hour {
	return hour{k.project, k.hour, c, slices.Clone(sdks)}
}

func (c *change) encode() ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode totals: %w", err)
	}
	return b, nil
}

// totals are the ledger, the duplicates by SDK and the zones of all commits.
type totals struct {
	hours map[hourKey]store.Counts
	sdks  map[hourKey]store.SDKCounts
	zones map[store.ProjectID]flat.Zone
	// overflows are the projects that may have rows with an overflow.
	overflows map[store.ProjectID]bool
	// off adds up how far each hour is from balance.
	off int64
}

func newTotals() totals {
	return totals{map[hourKey]store.Counts{}, map[hourKey]store.SDKCounts{}, map[store.ProjectID]flat.Zone{}, map[store.ProjectID]bool{}, 0}
}

func (t *totals) add(c *change) {
	for i := range c.Hours {
		h := &c.Hours[i]
		k := hourKey{h.Project, h.Hour}
		t.count(k, h.Counts)
		if len(h.SDKs) > 0 {
			t.sdks[k] = t.sdks[k].Plus(h.SDKs)
		}
	}
	for p, z := range c.Zones {
		t.zones[p] = t.zones[p].With(z)
		if c.Overflows == nil {
			t.overflows[p] = true
		}
	}
	for _, p := range c.Overflows {
		t.overflows[p] = true
	}
}

func (t *totals) count(k hourKey, c store.Counts) {
	before := t.hours[k]
	t.hours[k] = before.Plus(c)
	t.off += t.hours[k].Difference() - before.Difference()
}

// all are the totals as one change, but for what expiries have counted.
func (t *totals) all() *change {
	c := &change{Zones: maps.Clone(t.zones), Overflows: append([]store.ProjectID{}, slices.Sorted(maps.Keys(t.overflows))...)}
	for k, n := range t.hours {
		n.Expired = 0
		c.Hours = append(c.Hours, hourOf(k, n, t.sdks[k]))
	}
	return c
}

// loadTotals adds up the commits up to the watermark.
func (s *Store) loadTotals(ctx context.Context) error { return s.addTotals(ctx, 0) }

// addTotals adds up the commits from a position up to the watermark.
func (s *Store) addTotals(ctx context.Context, from eventlog.Position) error {
	if len(s.epochs) == 0 {
		return nil
	}
	var failed error
	newest := max(s.watermark.Time.UnixMicro(), 0)
	sql := fmt.Sprintf("SELECT newest, folded, totals, epoch, position FROM commits WHERE position >= %d AND position <= %d AND %s ORDER BY position, epoch, folded",
		from, s.watermark.Position, s.valid("position", true))
	err := s.rows(ctx, sql, func(v []any) {
		newest = max(newest, v[0].(int64))
		var c change
		if err := json.Unmarshal([]byte(v[2].(string)), &c); err != nil {
			failed = err
			return
		}
		if v[1].(uint64) == 1 {
			s.totals = newTotals()
			s.changes.fold(stamp{v[3].(uint64), eventlog.Position(v[4].(uint64))})
		}
		s.totals.add(&c)
		s.changes.commit(stamp{v[3].(uint64), eventlog.Position(v[4].(uint64))}, &c)
		s.commits++
		s.totaled = eventlog.Position(v[4].(uint64))
	})
	if err = cmp.Or(err, failed); err != nil {
		return fmt.Errorf("read commits: %w", err)
	}
	s.watermark.Time = time.UnixMicro(newest).UTC()
	return nil
}

// fold writes the totals as one row and deletes those that they are made of. The caller holds writing.
func (s *Store) fold(ctx context.Context) error {
	own := s.ownEpoch()
	at := s.watermark.Position
	if err := s.writeCommit(ctx, own, at, s.watermark.Time.UnixMicro(), true, s.totals.all()); err != nil {
		return err
	}
	s.commits = 1
	s.mu.Lock()
	s.changes.fold(stamp{own, at})
	s.mu.Unlock()
	if err := s.delete(ctx, "commits", fmt.Sprintf("position < %d OR position = %d AND (epoch < %d OR folded = 0)", at, at, own)); err != nil {
		return err
	}
	return s.forgetSealed(ctx)
}

func (s *Store) foldDue(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.commits < foldAfter {
		return nil
	}
	return s.fold(ctx)
}

// Ledger implements store.Reader.
func (s *Store) Ledger(_ context.Context, project store.ProjectID, from, to int64) ([]store.LedgerHour, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ledger(project, from, to), nil
}

// ledger is Ledger; the caller holds mu.
func (s *Store) ledger(project store.ProjectID, from, to int64) []store.LedgerHour {
	out := []store.LedgerHour{}
	for k, c := range s.totals.hours {
		if k.project == project && k.hour >= from && k.hour < to {
			out = append(out, store.LedgerHour{Hour: k.hour, Counts: c})
		}
	}
	slices.SortFunc(out, func(a, b store.LedgerHour) int { return cmp.Compare(a.Hour, b.Hour) })
	return out
}

// Duplicates implements store.Reader.
func (s *Store) Duplicates(_ context.Context, project store.ProjectID, from, to int64) ([]store.Duplicates, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return store.DuplicatesOf(s.ledger(project, from, to), func(hour int64) store.SDKCounts { return s.totals.sdks[hourKey{project, hour}] }), nil
}

// difference is how far the ledger is from balance.
func (s *Store) difference() float64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return float64(s.totals.off)
}

// DeadLetters implements store.Reader.
func (s *Store) DeadLetters(ctx context.Context, project store.ProjectID, before eventlog.Position, limit int) ([]store.DeadLetter, error) {
	var out []store.DeadLetter
	s.mu.RLock()
	before = min(before, s.watermark.Position)
	valid := "false" // nobody has written anything yet
	if len(s.epochs) > 0 {
		valid = s.valid("position", false)
	}
	s.mu.RUnlock()
	sql := fmt.Sprintf("SELECT position, received, stage, code, reason, protocol, body FROM dead_letters WHERE project = %d AND position < %d AND %s"+
		" ORDER BY position DESC LIMIT %d", project, before, valid, limit)
	err := s.rows(ctx, sql, func(v []any) {
		out = append(out, store.DeadLetter{
			Project: project, Position: eventlog.Position(v[0].(uint64)), ReceivedAt: v[1].(int64), Stage: v[2].(string), Code: v[3].(string),
			Reason: v[4].(string), Protocol: v[5].(string), Body: []byte(v[6].(string)),
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return out, nil
}

// Poisoned implements store.Writer.
func (s *Store) Poisoned(ctx context.Context, from eventlog.Position) (out []eventlog.Position, err error) {
	sql := fmt.Sprintf("SELECT position FROM dead_letters WHERE code = '%s' AND position >= %d AND position < %d AND %s ORDER BY position",
		store.CodePoison, from, s.Position(), s.valid("position", false))
	err = s.rows(ctx, sql, func(v []any) { out = append(out, eventlog.Position(v[0].(uint64))) })
	if err != nil {
		return nil, fmt.Errorf("read poisoned positions: %w", err)
	}
	return out, nil
}
