package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Unlinking an id divides the rows of a person by the ids that they carry, which is not a thing that a question could do
// while it reads. So it is done at once: all rows go to disk first, and then those concerned are rewritten in one
// transaction together with the links and the position. A commit waits for it, questions and the log do not.

// unlink is the commit of a batch that takes an id out of its person.
func (s *Store) unlink(ctx context.Context, u store.Unlink, after eventlog.Position) error {
	for s.unflushed() {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	projects, err := s.ripe(ctx, after)
	if err != nil {
		return err
	}
	s.persons.add(u.Person)
	s.persons.add(u.Rest)
	err = s.onDisk(ctx, func() error {
		// With that done, the rows of the person are those that have its number.
		if err := s.rewriteLinked(ctx, projects, after); err != nil {
			return err
		}
		if err := errors.Join(s.divideRows(ctx, u), s.each(ctx, dividedHands("handovers", u))); err != nil {
			return err
		}
		if err := s.writeUnlink(ctx, u); err != nil {
			return err
		}
		if _, err := s.flusher.ExecContext(ctx, "UPDATE meta SET position = ?", uint64(after)); err != nil {
			return fmt.Errorf("write position %d: %w", after, err)
		}
		return s.notePosition(after)
	}, func() error {
		if err := errors.Join(s.settled(ctx, projects, after), s.each(ctx, dividedHands("hot.handovers", u)), s.countHandovers(ctx)); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cold = after
		s.changed(u.Project)
		s.advance(after)
		return nil
	})
	if err != nil {
		return err
	}
	// Changed values stay in memory until then.
	return s.checkpoint(context.WithoutCancel(ctx))
}

func (s *Store) unflushed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.gens) > 0
}

// divideRows gives the rows of the id its own number, or, when the person had that one, the others theirs.
func (s *Store) divideRows(ctx context.Context, u store.Unlink) error {
	t := s.known(u.Project)
	if t == nil || !t.onDisk {
		return nil
	}
	own, err := s.idsOf(ctx, t, u)
	if err != nil {
		return fmt.Errorf("find the rows of person %d: %w", u.Person, err)
	}
	if t.diskColumns[spanColumn] && len(own) > 0 {
		// What the id did while somebody else was its user is the id's own again.
		q := fmt.Sprintf("UPDATE %s SET person = %d, %[3]s = NULL WHERE %[3]s IS NOT NULL AND row(%[4]s) IN (%[5]s)",
			t.cold, u.Person, spanColumn, t.ownIDs(), strings.Join(own, ", "))
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("give person %d its spans: %w", u.Person, err)
		}
	}
	person, which := u.Person, "row("+t.ownIDs()+") IN ("+strings.Join(own, ", ")+")"
	switch {
	case u.Person == u.From:
		person, which = u.Rest, "NOT "+which
		if len(own) == 0 {
			which = "true"
		}
	case len(own) == 0:
		return nil
	}
	q := fmt.Sprintf("UPDATE %s SET person = %d WHERE person = %d AND %s", t.cold, person, u.From, which)
	if _, err := s.flusher.ExecContext(ctx, q); err != nil {
		return fmt.Errorf("divide the rows of person %d: %w", u.From, err)
	}
	return nil
}

// ownIDs are those ids of an event that say whose it is by itself: the user id; the anonymous id only if there is no user id
// or one that may be nobody's; the device id only if there are neither. None is empty.
func (t *table) ownIDs() string {
	on := layout{columns: t.diskColumns}
	user, anonymous, extra := on.orNull("user_id"), on.orNull("anonymous_id"), on.orNull("extra")
	device := "coalesce(" + on.orNull("device_id") +
		`, CASE WHEN contains(` + extra + `, '"device_id":') THEN TRY(json_extract_string(` + extra + `, '/device_id')) END)`
	doubtful := fmt.Sprintf("flags & %d <> 0", event.FlagBadIdentity)
	return fmt.Sprintf("coalesce(%[1]s, ''), CASE WHEN %[1]s IS NULL OR %[4]s THEN coalesce(%[2]s, '') ELSE '' END,"+
		" CASE WHEN (%[1]s IS NULL AND %[2]s IS NULL) OR %[4]s THEN coalesce(%[3]s, '') ELSE '' END", user, anonymous, device, doubtful)
}

// idsOf are the ownIDs that the rows of the id have among those of the person, as rows in SQL.
func (s *Store) idsOf(ctx context.Context, t *table, u store.Unlink) (out []string, err error) {
	q := fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE person = %d", t.ownIDs(), t.cold, u.From)
	if t.diskColumns[spanColumn] {
		q += " OR " + spanColumn + " IS NOT NULL"
	}
	rows, err := s.flusher.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var user, anonymous, device string
		if err := rows.Scan(&user, &anonymous, &device); err != nil {
			return nil, err
		}
		if event.OwnNumber(user, anonymous, device) == u.Person {
			out = append(out, fmt.Sprintf("row('%s', '%s', '%s')", quoteText(user), quoteText(anonymous), quoteText(device)))
		}
	}
	return out, rows.Err()
}

// dividedHands are the changes of a table of handovers that go with an unlink.
func dividedHands(table string, u store.Unlink) []string {
	out := []string{fmt.Sprintf("DELETE FROM %s WHERE project = %d AND id = %d", table, u.Project, u.Person)}
	if u.Rest != u.From {
		for _, column := range []string{"before", "after"} {
			out = append(out, fmt.Sprintf("UPDATE %s SET %s = %d WHERE project = %d AND %s = %d", table, column, u.Rest, u.Project, column, u.From))
		}
	}
	return out
}

// each runs statements one after the other.
func (s *Store) each(ctx context.Context, statements []string) error {
	for _, q := range statements {
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// writeUnlink writes the links that are in force now.
func (s *Store) writeUnlink(ctx context.Context, u store.Unlink) error {
	before, err := s.linksTo(ctx, u)
	if err != nil {
		return fmt.Errorf("read the links to person %d: %w", u.Person, err)
	}
	if err := s.insertLinks(ctx, u.Links(before)); err != nil {
		return err
	}
	return s.writeHolders(ctx, u.Holders)
}

// linksTo are all links from those who ever had one to the id.
func (s *Store) linksTo(ctx context.Context, u store.Unlink) (out []store.Link, err error) {
	rows, err := s.flusher.QueryContext(ctx, fmt.Sprintf("SELECT person, target, position FROM links WHERE project = %[1]d AND person IN"+
		" (SELECT person FROM links WHERE project = %[1]d AND target = %[2]d) ORDER BY position, rowid", u.Project, u.Person))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		l := store.Link{Project: u.Project}
		if err := rows.Scan(&l.From, &l.To, &l.Position); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}
