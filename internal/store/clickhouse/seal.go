package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
)

const (
	// Rows of a project are sealed when there are sealRows of them and one for sealShare that are sealed, or sealMost; and from a sealShare of
	// sealRows on when the first of them came sealAfter ago. Of rows that are not sealed, a question reads the positions, too.
	sealRows  = 1 << 16
	sealShare = 8
	sealMost  = 1 << 20
	sealAfter = 10 * time.Minute
	// A tier is written anew when a row in staleShare has come to be of another person by then, as far as can be told from how many links
	// there were, but not for fewer links than staleFewest; and at staleMost of them, which a question can just about look up.
	staleShare  = 128
	staleFewest = 1 << 12
	staleMost   = 1 << 20
	// Rows that could not be sealed are left alone for sealPause, and twice as long each time until it is sealPauseMost.
	sealPause     = time.Second
	sealPauseMost = 5 * time.Minute
	// What is not worth it by these measures is sealed in spare time: not for more than one part in spareShare of the time of a thread, all sealing
	// counted, and a project not more often than spareEach. So questions look little up where little happens.
	spareShare = 10
	spareEach  = time.Minute
	// spareLeast is the time that sealing is taken for at least, spareMost how long it may take in spare time: what else changes rows waits for it.
	// rowTime is that of a row as long as nothing was sealed.
	spareLeast = 100 * time.Millisecond
	spareMost  = 2 * time.Minute
	rowTime    = 4 * time.Microsecond
)

// stale tells whether too many links have come since a tier was made, when so many have come since the store was opened.
func (t *tier) stale(links int) bool {
	return int64(links-t.before) >= min(max(t.Rows/staleShare, staleFewest), staleMost)
}

// due are the tiers of a project that are to be written into a new one, with the rows that are in none; ok tells whether it is time to.
// Each tier is at least as large as all that are newer, so that a row is written anew a few times only.
func (s *Store) due(p store.ProjectID) (from []tier, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.unsealed[p]
	if now == nil || s.opts.Now().Before(now.again) {
		return nil, false
	}
	tiers, links := s.sealed[p].tiers, s.targets.moved[p]
	all, stale := int64(0), false
	for i := range tiers {
		all += tiers[i].Rows
		stale = stale || tiers[i].stale(links)
	}
	enough := max(min(all/sealShare, sealMost), s.opts.SealRows)
	late := now.rows >= s.opts.SealRows/sealShare && s.opts.Now().Sub(now.since) >= sealAfter
	if !stale && !late && now.rows < enough {
		return nil, false
	}
	from, _ = merged(now.rows, tiers, func(t *tier) bool { return t.stale(links) })
	return from, true
}

// merged are the tiers that some rows are written into a new one with: those that have to be, and those that are not larger than all that is
// newer. rows are those of the new tier.
func merged(fresh int64, tiers []tier, must func(*tier) bool) (from []tier, rows int64) {
	rows = fresh
	for i := len(tiers) - 1; i >= 0; i-- {
		if must(&tiers[i]) || tiers[i].Rows <= rows {
			from = append(from, tiers[i])
			rows += tiers[i].Rows
		}
	}
	return from, rows
}

// spare is the project whose rows are sealed next in spare time, of those that are ready and have something to gain from it the one that waits the
// longest; ok tells whether there is one, and time for it.
func (s *Store) spare(ready map[store.ProjectID]*table) (p store.ProjectID, from []tier, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.opts.Now()
	var longest time.Time
	var takes time.Duration
	for id := range ready {
		f := s.unsealed[id]
		if f == nil || now.Before(f.again) || now.Sub(f.tried) < spareEach || ok && !f.tried.Before(longest) {
			continue
		}
		list, rows := merged(f.rows, s.sealed[id].tiers, func(t *tier) bool { return s.targets.moved[id] > t.before })
		if rows == 0 {
			continue
		}
		if lasts := max(time.Duration(rows)*s.rowTime, spareLeast); lasts <= spareMost {
			p, from, takes, longest, ok = id, list, lasts, f.tried, true
		}
	}
	return p, from, ok && now.Sub(s.rested) >= spareShare*takes
}

// sealDue seals the rows of projects of which there are enough, and those of one more in spare time. The caller holds changing.
func (s *Store) sealDue(ctx context.Context) error {
	var errs []error
	try := func(p store.ProjectID, t *table, from []tier) {
		if s.failed.Load() {
			return
		}
		if err := s.seal(ctx, t, from); err != nil {
			s.putOff(p)
			errs = append(errs, fmt.Errorf("seal rows of project %d: %w", p, err))
		}
		s.rested = s.opts.Now()
	}
	ready := s.ready()
	for p, t := range ready {
		if from, ok := s.due(p); ok {
			try(p, t, from)
		}
	}
	if p, from, ok := s.spare(ready); ok {
		try(p, ready[p], from)
	}
	return errors.Join(errs...)
}

// putOff leaves rows alone for a while that could not be sealed: what fails once more has written them for nothing once more.
func (s *Store) putOff(p store.ProjectID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.unsealed[p]
	now.pause = min(max(2*now.pause, sealPause), sealPauseMost)
	now.again = s.opts.Now().Add(now.pause)
}

func (s *Store) ready() map[store.ProjectID]*table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := map[store.ProjectID]*table{}
	for p, t := range s.tables {
		if t.ready {
			out[p] = t
		}
	}
	return out
}

// seal writes the rows of a cut that are in no tier, and those of some tiers, into a new tier, looks whether it has them all, and has questions
// read that one from now on.
func (s *Store) seal(ctx context.Context, t *table, from []tier) error {
	began := s.opts.Now()
	s.mu.Lock()
	s.unsealed[t.project].tried = began
	s.mu.Unlock()
	opened, err := s.Cut(ctx, t.project)
	if err != nil {
		return err
	}
	defer opened.Close()
	c, ok := opened.(*cut)
	if !ok || c.name == "" {
		return nil
	}
	next := sealed{number: s.nextSeal(), position: c.watermark.Position}
	made := tier{Number: next.number, Linked: next.position, before: c.seen}
	abandon := func(err error) error {
		s.retire(retired{project: t.project, tiers: []uint64{made.Number}})
		return err
	}
	var fresh int64
	if fresh, err = s.writeTier(ctx, c, t, sealed{tiers: from}, &made); err != nil {
		return abandon(err)
	}
	gone := retired{project: t.project, position: next.position}
	for _, old := range c.sealed.tiers {
		if of(from, old.Number) != nil {
			gone.tiers = append(gone.tiers, old.Number)
		} else {
			next.tiers = append(next.tiers, old)
		}
	}
	if made.Rows > 0 {
		next.tiers = append(next.tiers, made)
	}
	if err := s.writeSealed(ctx, map[store.ProjectID]sealed{t.project: next}); err != nil {
		// Others may read the tier already, or not: who opens the store next finds out.
		s.failed.Store(true)
		return err
	}
	s.adopt(t.project, next, fresh)
	s.retire(gone)
	took := s.opts.Now().Sub(began)
	s.metrics.seal.Observe(took.Seconds())
	if made.Rows >= sealRows {
		s.rowTime = took / time.Duration(made.Rows)
	}
	return nil
}

// adopt has cuts read what was sealed. Rows may have come since its own cut.
func (s *Store) adopt(p store.ProjectID, next sealed, rows int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed[p] = next
	now := s.unsealed[p]
	now.rows, now.since, now.pause = max(now.rows-rows, 0), s.opts.Now(), 0
}

func (s *Store) retire(r retired) {
	s.mu.RLock()
	r.cut = s.latest
	s.mu.RUnlock()
	r.since = s.opts.Now()
	s.retired = append(s.retired, r)
}

// writeTier writes rows of a cut into a tier, and is an error unless they are there then. fresh are how many of them were in none.
func (s *Store) writeTier(ctx context.Context, c *cut, t *table, from sealed, made *tier) (fresh int64, err error) {
	links, err := c.movedSince(ctx)
	if err != nil {
		return 0, err
	}
	into, columns := c.sealing(made.Number)
	sources := [][2]string{{t.rows, c.where + c.expired}}
	if len(from.tiers) > 0 {
		sources = append(sources, [2]string{t.sealedRows, from.rows(false) + c.expired})
	}
	counts := make([]struct{ rows, odd, fresh int64 }, len(s.shards))
	err = s.everywhere(func(h *shard) error {
		var want sum
		for i, source := range sources {
			part, err := h.sum(ctx, source[0], source[1])
			if err != nil {
				return err
			}
			if part.rows == 0 {
				continue
			}
			want.add(part)
			if i == 0 {
				counts[h.number-1].fresh = part.rows
			}
			sql := "INSERT INTO " + t.sealedRows + " (" + into + ") WITH " + sealingLists + " SELECT " + columns + " FROM " + source[0] + " WHERE " + source[1] + " AND " + s.unlessFenced()
			if err := h.client.move(ctx, sql, links); err != nil {
				return fmt.Errorf("write %d rows: %w", part.rows, err)
			}
		}
		is := fmt.Sprintf("tier = %d", made.Number)
		found, err := h.sum(ctx, t.sealedRows, is)
		if err != nil {
			return err
		}
		if found != want {
			return fmt.Errorf("tier %d has %d rows with the sum %x, the cut %d with the sum %x", made.Number, found.rows, found.of, want.rows, want.of)
		}
		odd, err := h.client.number(ctx, "SELECT count() FROM "+t.sealedRows+" WHERE "+is+" AND span = 0 AND own <> basis")
		if err != nil {
			return fmt.Errorf("count rows of %s: %w", t.sealedRows, err)
		}
		counts[h.number-1].rows, counts[h.number-1].odd = found.rows, int64(odd)
		return nil
	})
	for _, n := range counts {
		made.Rows, made.Odd, fresh = made.Rows+n.rows, made.Odd+n.odd, fresh+n.fresh
	}
	return fresh, err
}

// sum tells rows apart from others.
type sum struct {
	rows int64
	of   uint64
}

func (a *sum) add(b sum) { a.rows, a.of = a.rows+b.rows, a.of+b.of }

func (h *shard) sum(ctx context.Context, table, where string) (out sum, err error) {
	err = h.client.rows(ctx, "SELECT count(), sum(cityHash64(seq, id, time, day)) FROM "+table+" WHERE "+where, func(v []any) {
		out.rows = int64(v[0].(uint64))
		out.of, _ = v[1].(uint64)
	})
	if err != nil {
		return out, fmt.Errorf("add up rows of %s: %w", table, err)
	}
	return out, nil
}

// movedSince are the links of a cut that its rows do not have, by the kinds of who.
func (c *cut) movedSince(ctx context.Context) (proto.Input, error) {
	var kinds proto.ColUInt8
	var froms, targets proto.ColUInt64
	sql := fmt.Sprintf("SELECT toUInt8(%d), person, argMax(target, (written, ord)) FROM relinks WHERE %s GROUP BY person"+
		" UNION ALL SELECT toUInt8(%d), span, argMax(target, (written, ord)) FROM spans WHERE %s AND kind = %[3]d GROUP BY span", anID, c.since(), spanOfNext, c.since())
	if fault.Planted(fault.SealedAsWere) {
		sql = "SELECT * FROM (" + sql + ") LIMIT 0"
	}
	err := c.store.rows(ctx, sql, func(v []any) {
		kinds, froms, targets = append(kinds, uint8(v[0].(uint64))), append(froms, v[1].(uint64)), append(targets, v[2].(uint64))
	})
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	return proto.Input{{Name: "kind", Data: kinds}, {Name: "f", Data: froms}, {Name: "t", Data: targets}}, nil
}

// sealingLists are lists as those of linkLists, of what movedSince has found. A shard has no links of its own.
var sealingLists = listOf("link_lists", fmt.Sprintf("SELECT f, t FROM moved_since WHERE kind = %d", anID)) + ", " +
	listOf("span_lists", fmt.Sprintf("SELECT f, t FROM moved_since WHERE kind = %d", spanOfNext))

// sealing are the columns of a tier, and what they are in its rows.
func (c *cut) sealing(number uint64) (into, columns string) {
	names := []string{"utc_day", "own", "span"}
	for _, b := range store.Columns {
		if b.Name != "person" {
			names = append(names, b.Name)
		}
	}
	for _, name := range hasMembers {
		names = append(names, members(name))
	}
	for _, p := range c.props {
		names = append(names, p.Column)
	}
	list := strings.Join(names, ", ")
	basis := fmt.Sprintf("if(span = 0 AND own IN (SELECT f FROM moved_since WHERE kind = %d), own, basis)", anID)
	person := rowNames{"person", "own", "basis", "span"}.whose("person")
	return "tier, person, basis, " + list, fmt.Sprintf("%d, %s, %s, ", number, person, basis) + list
}

// move runs a statement that writes rows of one table into another, which takes as long as it does.
func (c *client) move(ctx context.Context, sql string, links proto.Input) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return c.call(ctx, "change", c.service.Once, func(ctx context.Context) error {
		return c.alone(ctx, c.options.Database, ch.Query{
			Body: sql, ExternalTables: []ch.ExternalTable{{Name: "moved_since", Data: links}},
			// Questions come first.
			Settings: []ch.Setting{{Key: "max_threads", Value: "1", Important: true}},
		})
	})
}
