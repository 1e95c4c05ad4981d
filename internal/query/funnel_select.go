package query

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// invisibleEvents do not disturb a strict order, unless a step names them; nor do identify, group and alias events.
func invisibleEvents() []string {
	return []string{
		"session_start", "session_end", "Session Started", "Session Ended", "$session_start", "$session_end",
		"user_engagement", "$ae_session",
	}
}

// visible is the condition on an event to disturb a strict order.
func (g *gathering) visible(c *compiler) string {
	parts := []string{}
	if g.Visible == visibleActions {
		c.column("kind")
		names := append(invisibleEvents(), silentEvents()...)
		parts = append(parts, "kind NOT IN ('identify', 'group', 'alias')", c.column("event")+" NOT IN "+quotedTexts(names))
	}
	if len(g.Ignore) > 0 {
		parts = append(parts, "NOT ("+c.oneOfTexts(c.column("event"), g.Ignore)+")")
	}
	if g.Where != nil {
		parts = append(parts, c.where(g.Where))
	}
	if len(parts) == 0 {
		return "TRUE"
	}
	return strings.Join(parts, " AND ")
}

// gathering reads the events of a funnel over one range.
type gathering struct {
	*ResolvedFunnel
	engine     *Engine
	cut        cohortCut
	scope      Scope
	dimensions []*dimension
	from, to   time.Time
	// clocks are those of the question.
	clocks *deviceClocks
	// only, if set, are the units that are read.
	only []uint64
	// persons adds the column person to the statement; inOrder asks for positions in any case.
	persons, inOrder bool
	// values and held number the values of the breakdown and those held; 0 is a missing one.
	values, held *valueCodes
}

// read gathers the events by actor.
func (g *gathering) read(ctx context.Context) (*history.Builder, error) {
	out := g.engine.history(len(g.Steps) + len(g.Exclusions))
	c := newCompiler(g.cut)
	sql := g.sql(c)
	if g.only != nil {
		sql = "SELECT * FROM (" + sql + ") WHERE actor IN (" + numberList(g.only) + ")"
	}
	err := out.Read(ctx, func(ctx context.Context) error {
		ctx, span := g.engine.Tracer.Start(purpose(ctx, "funnel"), "sql funnel")
		defer span.End()
		return g.cut.Spread(ctx, func() func(*store.Batch) error {
			columns, feed := gatheredColumns{values: g.values.side(), holds: g.held.side()}, out.Feed()
			return func(b *store.Batch) error {
				if err := columns.from(g, b); err != nil {
					return err
				}
				return feed.Add(&columns.Columns)
			}
		}, sql, c.args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read funnel: %w", err)
	}
	return out, nil
}

// ordered tells whether it matters which of two events at one moment comes first: for values, and for which of them
// begins the attempt that counts, unless all are tried. Positions carry the clocks of devices, too.
func (g *gathering) ordered() bool {
	return g.inOrder || g.clocks != nil || len(g.dimensions) > 0 || len(g.Hold) > 0 || g.Entry != entryBest
}

// sql selects actor, time and match, seq if ordered, and the values of the breakdown and those held.
func (g *gathering) sql(c *compiler) string {
	selectors := make([]*Selector, 0, len(g.Steps)+len(g.Exclusions))
	for i := range g.Steps {
		selectors = append(selectors, &g.Steps[i].Selector)
	}
	for i := range g.Exclusions {
		selectors = append(selectors, &g.Exclusions[i].Selector)
	}
	matched, wanted := c.matching(selectors, g.Where)
	list := []string{c.column("time") + " AS time", matched + " AS matched"}
	// What is bound has to stand in the statement, so neither side is left out for the other.
	if g.Order == orderStrict && wanted != "TRUE" {
		wanted = "(" + wanted + ") OR (" + g.visible(c) + ")"
	}
	if g.ordered() {
		list = append(list, g.clocks.position(c)+" AS seq")
	}
	for i, d := range g.dimensions {
		list = append(list, d.sql(c)+" AS g"+strconv.Itoa(i+1))
	}
	for i, h := range g.Hold {
		list = append(list, c.value(h).tagged()+" AS h"+strconv.Itoa(i+1))
	}
	if g.persons {
		list = append(list, c.column("person")+" AS person")
	}
	line := lineOver(c.cut, g.zone, g.clocks)
	var pieces []piece
	if g.clocks == nil {
		pieces = line.pieces(g.from, g.to, true)
	} else {
		pieces = []piece{line.timed(g.from, g.to)}
	}
	switch g.Unit {
	case unitSession:
		return g.bySession(c, list, wanted, pieces)
	case unitGroup:
		actor := c.dialect.Hash(c.column("group_id"))
		wanted = "group_id IS NOT NULL AND (" + wanted + ")"
		return "SELECT " + actor + " AS actor, " + strings.Join(list, ", ") + " FROM " + c.sourceOf(pieces) + " WHERE " + wanted
	case unitValue:
		return g.byValue(c, list, wanted, pieces)
	}
	return "SELECT " + c.column(g.Unit) + " AS actor, " + strings.Join(list, ", ") + " FROM " + c.sourceOf(pieces) + " WHERE " + wanted
}

// byValue is sql for units that go by values. Events that lack one of them are no unit's.
func (g *gathering) byValue(c *compiler, list []string, wanted string, pieces []piece) string {
	names, present := make([]string, len(g.UnitBy)), make([]string, len(g.UnitBy))
	columns := slices.Clone(list)
	for i, ref := range g.UnitBy {
		names[i] = "u" + strconv.Itoa(i+1)
		columns = append(columns, c.value(ref).tagged()+" AS "+names[i])
		present[i] = names[i] + " IS NOT NULL"
	}
	rows := "SELECT " + strings.Join(columns, ", ") + " FROM " + c.sourceOf(pieces) + " WHERE " + wanted
	return "SELECT " + c.dialect.Hash(names...) + " AS actor, " + strings.Join(namesOf(list), ", ") + " FROM (" + rows +
		") WHERE " + strings.Join(present, " AND ")
}

// namesOf are the names that columns are given.
func namesOf(list []string) []string {
	names := make([]string, len(list))
	for i, l := range list {
		names[i] = l[strings.LastIndex(l, " AS ")+len(" AS "):]
	}
	return names
}

// bySession is sql for sessions, which session.go describes: a session is named by the client's id for it if that is
// sane, and otherwise by its device and the first of its events that are read.
func (g *gathering) bySession(c *compiler, list []string, wanted string, pieces []piece) string {
	for _, name := range []string{"device", "session", "event", "library"} {
		c.column(name)
	}
	d, rest := c.dialect, ", "+strings.Join(namesOf(list[1:]), ", ")
	e := "SELECT device, session, coalesce(" + wanted + ", FALSE) AS hit, " + strings.Join(list, ", ") + " FROM " + c.sourceOf(pieces) + " WHERE " + bearing()
	known := "SELECT session AS known FROM " + g.cut.Events("session", "time", "device", "event", "library") +
		" WHERE session IN (SELECT session FROM e WHERE session <> 0) AND " + bearing() +
		fmt.Sprintf(" GROUP BY session HAVING min(device) = max(device) AND %s <= %d", spanOf(d, "max(time)", "min(time)"), maxSessionHours*int64(3600e6))
	starts := fmt.Sprintf("SELECT device AS id, time AS began FROM (SELECT device, time,"+
		" %s AS pause FROM loose) WHERE pause IS NULL OR pause > %d", pauseOf(d, "time"),
		g.scope.SessionGap.Microseconds())
	return "WITH " + d.Kept("e", e) + ", " + d.Kept("known", known) + "," +
		" loose AS (SELECT e.* FROM e AS e LEFT JOIN known ON session = known WHERE known IS NULL), starts AS (" + starts + ")" +
		" SELECT " + d.Hash("'s'", "session") + " AS actor, time" + rest + " FROM e JOIN known ON session = known WHERE hit" +
		" UNION ALL SELECT " + d.Hash("'d'", "id", "began") + " AS actor, time" + rest + " FROM (SELECT * FROM loose WHERE hit) ASOF JOIN starts ON device = id AND time >= began"
}

// gatheredColumns turns batches into columns of a history. Its memory is used again.
type gatheredColumns struct {
	history.Columns
	values, holds *sideCodes
	value, hold   []int32
}

func (k *gatheredColumns) from(g *gathering, b *store.Batch) (err error) {
	k.Actor, k.Time, k.Match = b.Columns[0].Uint64, b.Columns[1].Int64, b.Columns[2].Uint64
	rest := b.Columns[3:]
	if !g.ordered() {
		return nil
	}
	k.Seq, rest = rest[0].Uint64, rest[1:]
	n := len(g.dimensions)
	if n > 0 {
		if k.value, err = k.values.all(k.value[:0], rest[:n], b.Rows); err != nil {
			return err
		}
		k.Value = k.value
	}
	if len(g.Hold) == 0 {
		return nil
	}
	if k.hold, err = k.holds.all(k.hold[:0], rest[n:], b.Rows); err != nil {
		return err
	}
	for i := range k.hold {
		for j := range g.Hold {
			if rest[n+j].IsNull(i) {
				k.hold[i] = 0
			}
		}
	}
	k.Hold = k.hold
	return nil
}
