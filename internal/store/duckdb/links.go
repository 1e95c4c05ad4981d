package duckdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// relinkEvery bounds how often rows on disk are rewritten for links, in seconds of upkeep rounds.
const relinkEvery = 15

// relinkEntry says that rows of person, written before the link was known, belong to target.
type relinkEntry struct {
	project        store.ProjectID
	person, target uint64
	seq            eventlog.Position
}

// pendingLinks are the links that rows already stored do not follow yet. A query joins with them until relink has
// rewritten the rows. Every entry leads straight to the present target, so that one join is enough.
type pendingLinks struct {
	mu       sync.Mutex
	target   map[personKey]relinkEntry
	reversed map[personKey][]uint64
	rounds   int
}

type personKey struct {
	project store.ProjectID
	person  uint64
}

func newPendingLinks() *pendingLinks {
	return &pendingLinks{target: map[personKey]relinkEntry{}, reversed: map[personKey][]uint64{}}
}

// add takes new links and returns the entries they make or change. A person without rows needs no entry.
func (p *pendingLinks) add(links []store.Link, persons *bloom) []relinkEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []relinkEntry
	for _, l := range links {
		from, to := personKey{l.Project, l.From}, personKey{l.Project, l.To}
		moved := p.reversed[from]
		delete(p.reversed, from)
		if persons.has(l.From) {
			moved = append(moved, l.From)
		}
		for _, person := range moved {
			e := relinkEntry{l.Project, person, l.To, l.Position}
			if old := p.target[personKey{l.Project, person}]; old.seq == e.seq {
				// Of two links that one event makes only the second counts.
				out = slices.DeleteFunc(out, func(o relinkEntry) bool { return o == old })
			}
			p.target[personKey{l.Project, person}] = e
			p.reversed[to] = append(p.reversed[to], person)
			out = append(out, e)
		}
	}
	return out
}

// load puts back an entry that was read from disk.
func (p *pendingLinks) load(e relinkEntry) {
	p.target[personKey{e.project, e.person}] = e
	to := personKey{e.project, e.target}
	p.reversed[to] = append(p.reversed[to], e.person)
}

// due tells, once in a while or when many have gathered, that links, or spans that were handed over, are to be settled.
func (p *pendingLinks) due(hands bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rounds++
	if len(p.target) == 0 && !hands || (p.rounds < relinkEvery && len(p.target) < 10_000) {
		return false
	}
	p.rounds = 0
	return true
}

// settle drops the entries whose links lie before the position and returns how many there were.
func (p *pendingLinks) settle(before eventlog.Position) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.reversed)
	for k, e := range p.target {
		if e.seq < before {
			delete(p.target, k)
			n++
			continue
		}
		to := personKey{e.project, e.target}
		p.reversed[to] = append(p.reversed[to], e.person)
	}
	return n
}

func (p *pendingLinks) has(project store.ProjectID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.target {
		if k.project == project {
			return true
		}
	}
	return false
}

// relinkStatement writes numbers only, so nothing needs quoting.
func relinkStatement(entries []relinkEntry) string {
	var b strings.Builder
	b.WriteString("INSERT INTO hot.relink VALUES ")
	for i, e := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,%d,%d,%d)", e.project, e.person, e.target, e.seq)
	}
	return b.String()
}

// latestLinks is a relation of the pending links of a project before a position: person, target.
func latestLinks(project store.ProjectID, before eventlog.Position) string {
	return fmt.Sprintf("(SELECT person AS link_from, arg_max(target, seq) AS link_to FROM hot.relink"+
		" WHERE project = %d AND seq < %d GROUP BY person)", project, before)
}

// relink rewrites the persons of rows on disk that pending links concern, and then drops those links. A link is ripe
// once it is on disk itself: every row before it is on disk too, every row behind it was written with it. A person
// whose link goes on to one that is not ripe is rewritten as far as the ripe ones lead.
func (s *Store) relink(ctx context.Context) error {
	if !s.pending.due(s.hands.anyOpen()) {
		return nil
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	before := s.Position()
	projects, err := s.ripe(ctx, before)
	if err != nil || len(projects) == 0 {
		return err
	}
	return s.onDisk(ctx, func() error {
		return s.rewriteLinked(ctx, projects, before)
	}, func() error {
		return s.settled(ctx, projects, before)
	})
}

// rewriteLinked is what relink writes to disk; settled is what memory has to know of it then.
func (s *Store) rewriteLinked(ctx context.Context, projects []store.ProjectID, before eventlog.Position) error {
	for _, project := range projects {
		t := s.known(project)
		if t == nil || !t.onDisk {
			continue
		}
		if err := s.rewriteHanded(ctx, t); err != nil {
			return err
		}
		q := "UPDATE " + t.cold + " SET person = link_to FROM " + latestLinks(project, before) + " WHERE person = link_from"
		if _, err := s.flusher.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("rewrite persons of project %d: %w", project, err)
		}
	}
	drop := []string{"DELETE FROM pending_links"}
	if s.hands.any() {
		drop = append(settledHands("handovers", projects, before), drop...)
	}
	if err := s.each(ctx, drop); err != nil {
		return fmt.Errorf("drop pending links: %w", err)
	}
	return nil
}

func (s *Store) settled(ctx context.Context, projects []store.ProjectID, before eventlog.Position) error {
	ctx = context.WithoutCancel(ctx)
	s.metrics.relinked.Add(float64(s.pending.settle(before)))
	drop := []string{fmt.Sprintf("DELETE FROM hot.relink WHERE seq < %d", before)}
	// No commit may be adding links or handovers: DuckDB forgets rows that are inserted while a delete leaves their table
	// empty, though both are committed.
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.hands.any() {
		return s.each(ctx, drop)
	}
	return errors.Join(s.each(ctx, append(settledHands("hot.handovers", projects, before), drop...)), s.countHandovers(ctx))
}

// ripe returns the projects that have links, or handovers to settle, before the position.
func (s *Store) ripe(ctx context.Context, before eventlog.Position) (out []store.ProjectID, err error) {
	q := "SELECT DISTINCT project FROM hot.relink WHERE seq < %[1]d"
	if s.hands.any() {
		q = "SELECT project FROM hot.relink WHERE seq < %[1]d UNION SELECT project FROM hot.handovers WHERE NOT settled AND position < %[1]d"
	}
	// It takes no time. Called off in the middle, DuckDB would keep its file open for good.
	rows, err := s.flusher.QueryContext(context.WithoutCancel(ctx), fmt.Sprintf(q, before))
	if err != nil {
		return nil, fmt.Errorf("read pending links: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p store.ProjectID
		if err := rows.Scan(&p); err != nil {
			return nil, fmt.Errorf("read pending links: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
