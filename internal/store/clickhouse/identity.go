package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// writeIdentities writes what the open batch changes of whose events are whose, before a position.
func (s *Store) writeIdentities(ctx context.Context, epoch uint64, after eventlog.Position, links []store.Link, moved []move) error {
	var relinks []store.Link
	var spans []move
	for _, m := range moved {
		if m.kind == anID {
			relinks = append(relinks, store.Link{Project: m.project, From: m.number, To: m.to, Position: m.position})
		} else {
			spans = append(spans, m)
		}
	}
	if err := s.writeLinks(ctx, "links", epoch, after, links); err != nil {
		return err
	}
	if err := s.writeLinks(ctx, "relinks", epoch, after, relinks); err != nil {
		return err
	}
	if err := s.writeSpans(ctx, epoch, after, spans); err != nil {
		return err
	}
	return s.writeHolders(ctx, epoch, after)
}

func (s *Store) writeLinks(ctx context.Context, table string, epoch uint64, after eventlog.Position, list []store.Link) error {
	if len(list) == 0 {
		return nil
	}
	var epochs, written, order, positions, persons, targets proto.ColUInt64
	var projects proto.ColUInt32
	for i, l := range list {
		epochs, positions = append(epochs, epoch), append(positions, uint64(l.Position))
		persons, targets = append(persons, l.From), append(targets, l.To)
		projects, order = append(projects, uint32(l.Project)), append(order, uint64(i))
		written = append(written, uint64(after))
	}
	err := s.client.insert(ctx, table, proto.Input{
		{Name: "epoch", Data: epochs},
		{Name: "project", Data: projects},
		{Name: "written", Data: written},
		{Name: "position", Data: positions},
		{Name: "ord", Data: order},
		{Name: "person", Data: persons},
		{Name: "target", Data: targets},
	})
	if err != nil {
		return fmt.Errorf("write %d rows into %s: %w", len(list), table, err)
	}
	return nil
}

func (s *Store) writeSpans(ctx context.Context, epoch uint64, after eventlog.Position, list []move) error {
	if len(list) == 0 {
		return nil
	}
	var epochs, written, order, spans, ids, targets proto.ColUInt64
	var projects proto.ColUInt32
	var kinds proto.ColUInt8
	for i, m := range list {
		epochs, written, order = append(epochs, epoch), append(written, uint64(after)), append(order, uint64(i))
		spans, ids, targets = append(spans, m.number), append(ids, m.id), append(targets, m.to)
		projects, kinds = append(projects, uint32(m.project)), append(kinds, uint8(m.kind))
	}
	err := s.client.insert(ctx, "spans", proto.Input{
		{Name: "epoch", Data: epochs},
		{Name: "project", Data: projects},
		{Name: "written", Data: written},
		{Name: "ord", Data: order},
		{Name: "kind", Data: kinds},
		{Name: "span", Data: spans},
		{Name: "id", Data: ids},
		{Name: "target", Data: targets},
	})
	if err != nil {
		return fmt.Errorf("write %d rows into spans: %w", len(list), err)
	}
	return nil
}

func (s *Store) writeHolders(ctx context.Context, epoch uint64, after eventlog.Position) error {
	if len(s.batch.holders) == 0 {
		return nil
	}
	var epochs, written, ids, owners, spans, rivals proto.ColUInt64
	var projects proto.ColUInt32
	for _, h := range s.batch.holders {
		epochs, written, projects = append(epochs, epoch), append(written, uint64(after)), append(projects, uint32(h.Project))
		ids, owners, spans, rivals = append(ids, h.ID), append(owners, h.Owner), append(spans, h.Span), append(rivals, h.Rival)
	}
	err := s.client.insert(ctx, "holders", proto.Input{
		{Name: "epoch", Data: epochs},
		{Name: "project", Data: projects},
		{Name: "written", Data: written},
		{Name: "id", Data: ids},
		{Name: "owner", Data: owners},
		{Name: "span", Data: spans},
		{Name: "rival", Data: rivals},
	})
	if err != nil {
		return fmt.Errorf("write %d rows into holders: %w", len(ids), err)
	}
	return nil
}

// Holders implements store.Writer.
func (s *Store) Holders(ctx context.Context) (out []store.Holder, err error) {
	sql := fmt.Sprintf("SELECT project, id, argMax(owner, written), argMax(span, written), argMax(rival, written) FROM holders WHERE written <= %d AND %s GROUP BY project, id",
		s.Position(), s.valid("written", true))
	err = s.rows(ctx, sql, func(v []any) {
		h := store.Holder{Project: store.ProjectID(v[0].(uint64)), ID: v[1].(uint64), Owner: v[2].(uint64), Span: v[3].(uint64), Rival: v[4].(uint64)}
		if !h.Forgotten() {
			out = append(out, h)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read holders: %w", err)
	}
	return out, nil
}
