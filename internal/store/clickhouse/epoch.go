package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/eventlog"
)

// epoch is the time for which one process had the store open. It wrote what is from start on, until the next one began.
type epoch struct {
	number uint64
	start  eventlog.Position
}

// errSuperseded says that another process has opened the store.
var errSuperseded = errors.New("another process has opened the store since; there may be one only")

// errFollows says that another process writes.
var errFollows = errors.New("the store was opened for questions only")

// loadEpochs finds the epochs, and the position of the last complete commit.
func (s *Store) loadEpochs(ctx context.Context) error {
	s.epochs = nil
	err := s.rows(ctx, fmt.Sprintf("SELECT epoch, start FROM epochs ORDER BY epoch DESC LIMIT %d", mostEpochs), func(v []any) {
		s.epochs = append(s.epochs, epoch{v[0].(uint64), eventlog.Position(v[1].(uint64))})
	})
	if err != nil {
		return fmt.Errorf("read epochs: %w", err)
	}
	slices.Reverse(s.epochs)
	if len(s.epochs) == 0 {
		return nil
	}
	position, err := s.number(ctx, "SELECT max(position) FROM commits WHERE "+s.valid("position", true))
	if err != nil {
		return fmt.Errorf("read the position: %w", err)
	}
	s.watermark.Position = eventlog.Position(position)
	return nil
}

// begin begins a new epoch behind the last complete commit.
func (s *Store) begin(ctx context.Context) error {
	if err := s.loadEpochs(ctx); err != nil {
		return err
	}
	next := epoch{number: 1, start: s.watermark.Position}
	if n := len(s.epochs); n > 0 {
		next.number = s.epochs[n-1].number + 1
	}
	err := s.client.insert(ctx, "epochs", proto.Input{
		{Name: "epoch", Data: proto.ColUInt64{next.number}},
		{Name: "start", Data: proto.ColUInt64{uint64(next.start)}},
		{Name: "at", Data: proto.ColInt64{s.opts.Now().UnixMicro()}},
	})
	if err != nil {
		return fmt.Errorf("begin epoch %d: %w", next.number, err)
	}
	s.epochs = append(s.epochs, next)
	return nil
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
	places := make([]place, 0, 5+len(s.tables))
	places = append(places, place{"dead_letters", "position", false})
	for _, table := range []string{"links", "relinks", "spans", "holders"} {
		places = append(places, place{table, "written", true})
	}
	for _, t := range s.tables {
		places = append(places, place{t.name, "seq", false})
	}
	for _, p := range places {
		if err := s.delete(ctx, p.table, "NOT "+s.valid(p.position, p.commit)); err != nil {
			return err
		}
	}
	return s.delete(ctx, "commits", "NOT "+s.valid("position", true))
}

// delete deletes rows, if there are any: a mutation is a lot of work even for none.
func (s *Store) delete(ctx context.Context, table, where string) error {
	n, err := s.number(ctx, "SELECT count() FROM "+table+" WHERE "+where)
	if err == nil && n > 0 {
		err = s.client.mutate(ctx, "ALTER TABLE "+table+" DELETE WHERE "+where)
	}
	if err != nil {
		return fmt.Errorf("delete from %s: %w", table, err)
	}
	return nil
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
	if own := s.epochs[len(s.epochs)-1].number; latest != own {
		return fmt.Errorf("epoch %d, this one is %d: %w", latest, own, errSuperseded)
	}
	return nil
}
