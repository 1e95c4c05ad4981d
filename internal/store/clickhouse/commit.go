package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// errBroken says that a commit has failed.
var errBroken = errors.New("an earlier commit has failed; the store is to be opened anew")

// Commit implements store.Writer. Everything is stored when it returns.
func (s *Store) Commit(ctx context.Context, after eventlog.Position) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.failed.Load() {
		return fmt.Errorf("commit up to position %d: %w", after, errBroken)
	}
	began := s.opts.Now()
	if err := s.commit(ctx, after); err != nil {
		// Whether the rows are there nobody knows. The next epoch begins behind the last commit that is known.
		s.failed.Store(true)
		return fmt.Errorf("commit up to position %d: %w", after, err)
	}
	s.metrics.commit.Observe(s.opts.Now().Sub(began).Seconds())
	s.batch.reset()
	return nil
}

// commitTimeout bounds a commit from when it was looked whether this process may write: a process that was stopped in between for
// longer writes nothing more.
const commitTimeout = 10 * time.Minute

func (s *Store) commit(ctx context.Context, after eventlog.Position) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err := s.current(ctx); err != nil {
		return err
	}
	own := s.ownEpoch()
	if fault.Planted(fault.PositionFirst) {
		if err := s.writeCommit(ctx, own, after, s.batch.newest, false, s.batch.change(nil)); err != nil {
			return err
		}
	}
	links, moved, err := s.changed(ctx)
	if err != nil {
		return err
	}
	targets := s.targets.with(moved)
	for _, e := range s.batch.order {
		if err := s.make(ctx, e.table); err != nil {
			return err
		}
		if err := s.writeRows(ctx, own, e, targets); err != nil {
			return err
		}
	}
	if err := s.writeIdentities(ctx, own, after, links, moved); err != nil {
		return err
	}
	if err := s.writeDead(ctx, own); err != nil {
		return err
	}
	change := s.batch.change(moved)
	newest := max(s.batch.newest, s.watermark.Time.UnixMicro())
	if !fault.Planted(fault.PositionFirst) {
		if err := s.writeCommit(ctx, own, after, newest, false, change); err != nil {
			return err
		}
	}
	// A process that opens the store from now on begins behind this commit; one that has since may not, see begin.
	if err := s.current(ctx); err != nil {
		return err
	}
	s.publish(after, newest, change, moved)
	s.commits++
	return nil
}

// writeRows writes the rows of a project, to all shards at a time.
func (s *Store) writeRows(ctx context.Context, epoch uint64, e *events, targets func(who) (uint64, bool)) error {
	err := s.everywhere(func(h *shard) error {
		r := e.of[h.number-1]
		if r == nil || r.n == 0 {
			return nil
		}
		r.resolve(func(k kind, number uint64) (uint64, bool) { return targets(who{e.table.project, k, number}) })
		return h.client.insert(ctx, e.table.rows, r.input(epoch))
	})
	if err != nil {
		return fmt.Errorf("write %d rows into %s: %w", e.n, e.table.rows, err)
	}
	return nil
}

// writeCommit writes the row that makes everything before the position visible. One that stands for all commits so far is only written
// while this process is the latest to open the store.
func (s *Store) writeCommit(ctx context.Context, epoch uint64, after eventlog.Position, newest int64, folded bool, c *change) error {
	text, err := c.encode()
	if err != nil {
		return err
	}
	if folded {
		err = s.client.write(ctx, fmt.Sprintf("INSERT INTO commits (epoch, position, newest, folded, totals) SELECT %d, %d, %d, 1, %s WHERE %s",
			epoch, after, newest, quoteText(string(text)), s.unlessSuperseded()))
	} else {
		var totals proto.ColStr
		totals.AppendBytes(text)
		err = s.client.insert(ctx, "commits", proto.Input{
			{Name: "epoch", Data: proto.ColUInt64{epoch}},
			{Name: "position", Data: proto.ColUInt64{uint64(after)}},
			{Name: "newest", Data: proto.ColInt64{newest}},
			{Name: "folded", Data: proto.ColUInt8{0}},
			{Name: "totals", Data: totals},
		})
	}
	if err != nil {
		return fmt.Errorf("write position %d: %w", after, err)
	}
	return nil
}

// publish makes a commit known to those who read.
func (s *Store) publish(after eventlog.Position, newest int64, c *change, moved []move) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.batch.order {
		e.table.loc, e.table.since = e.loc, e.table.since.With(e.flat.Zone())
		e.table.show()
		s.unsealed.add(e.table.project, e.n, s.opts.Now())
	}
	s.changes.commit(stamp{s.ownEpoch(), after}, c)
	s.totals.add(c)
	s.targets.take(moved)
	s.moved(moved, after)
	s.watermark = store.Watermark{Position: after, Time: time.UnixMicro(newest).UTC()}
	close(s.advanced)
	s.advanced = make(chan struct{})
}

func (s *Store) writeDead(ctx context.Context, epoch uint64) error {
	if len(s.batch.dead) == 0 {
		return nil
	}
	var epochs, positions proto.ColUInt64
	var projects proto.ColUInt32
	var received proto.ColInt64
	var stages, codes, reasons, protocols, bodies proto.ColStr
	for i := range s.batch.dead {
		d := &s.batch.dead[i]
		epochs, positions, projects = append(epochs, epoch), append(positions, uint64(d.Position)), append(projects, uint32(d.Project))
		received = append(received, d.ReceivedAt)
		stages.Append(d.Stage)
		codes.Append(d.Code)
		reasons.Append(d.Reason)
		protocols.Append(d.Protocol)
		bodies.AppendBytes(d.Body)
	}
	err := s.client.insert(ctx, "dead_letters", proto.Input{
		{Name: "epoch", Data: epochs},
		{Name: "project", Data: projects},
		{Name: "position", Data: positions},
		{Name: "received", Data: received},
		{Name: "stage", Data: stages},
		{Name: "code", Data: codes},
		{Name: "reason", Data: reasons},
		{Name: "protocol", Data: protocols},
		{Name: "body", Data: bodies},
	})
	if err != nil {
		return fmt.Errorf("write %d dead letters: %w", len(s.batch.dead), err)
	}
	return nil
}

// change is what the batch adds to the totals, and whose answers are others by it.
func (b *open) change(moved []move) *change {
	c := &change{Zones: map[store.ProjectID]flat.Zone{}, Overflows: []store.ProjectID{}}
	for _, e := range b.order {
		c.Zones[e.table.project] = e.flat.Zone()
		if e.overflow() {
			c.Overflows = append(c.Overflows, e.table.project)
		}
	}
	for k, n := range b.counts {
		c.Hours = append(c.Hours, hourOf(k, n, b.sdks[k]))
	}
	for k, n := range b.sdks {
		if _, counted := b.counts[k]; !counted {
			c.Hours = append(c.Hours, hourOf(k, store.Counts{}, n))
		}
	}
	for _, m := range moved {
		c.Others = append(c.Others, m.project)
	}
	for i := range b.dead {
		c.Others = append(c.Others, b.dead[i].Project)
	}
	for p := range b.holders {
		c.Others = append(c.Others, p.project)
	}
	slices.Sort(c.Others)
	c.Others = slices.Compact(c.Others)
	return c
}
