package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/query/session"
	"github.com/freshet/freshet/internal/store"
)

// visits reads the events that bear sessions, device by device: which of them match, and the client's id where it is
// sane.
type visits struct {
	*ResolvedSessions
	engine     *Engine
	cut        cohortCut
	dimensions []*dimension
	// values number those of the breakdown.
	values *valueCodes
	// devices, if set, are the only ones that are read.
	devices []uint64
	// visitors, if set, take the place of values: pairs of one and the event's person.
	visitors *visitors
	// amounts asks for the numbers of measures, in rows of their own.
	amounts bool
}

// stretch is a part of time, with the only devices of which it matters; nil for all.
type stretch struct {
	from, to time.Time
	devices  []uint64
}

// read gathers the events.
func (v *visits) read(ctx context.Context) (*history.Builder, error) {
	v.values = newValueCodes()
	out := v.engine.history(32)
	if v.visitors != nil {
		v.visitors.charge = out.Charge
	}
	stretches, err := v.stretches(ctx)
	if err != nil {
		return nil, err
	}
	err = out.Read(ctx, func(ctx context.Context) error {
		for _, s := range stretches {
			if err := v.stretch(ctx, s, out); err != nil {
				return fmt.Errorf("read sessions: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (v *visits) stretch(ctx context.Context, s stretch, to *history.Builder) error {
	c := newCompiler(v.cut)
	sql := v.sql(c, s)
	ctx, span := v.engine.Tracer.Start(purpose(ctx, "sessions"), "sql sessions")
	defer span.End()
	return v.cut.Spread(ctx, func() func(*store.Batch) error {
		rows, feed := visitRows{visits: v, codes: v.values.side()}, to.Feed()
		return func(b *store.Batch) error {
			columns, err := rows.columns(b)
			if err != nil {
				return err
			}
			return feed.Add(columns)
		}
	}, sql, c.args...)
}

// pause is the longest one within a session of events without an id.
func (r *ResolvedSessions) pause() time.Duration {
	return time.Duration(max(r.config.Gap, r.config.Away)) * time.Microsecond
}

// begin is how far back events matter. One that is a pause before the range joins events of the range to a session that
// began before it; if sessions are cut, so does any event of the same day with the same id.
func (r *ResolvedSessions) begin() time.Time {
	from := r.clocks.before(r.buckets.from())
	begin := from.Add(-r.pause())
	if day := dayOf(from, r.zone).start(r.zone); r.Midnight == midnightCut && r.By == sessionsByClient && day.Before(begin) {
		begin = day
	}
	return begin
}

// mostListed is how many devices are listed in a statement. When more are to be read, all are.
const mostListed = 10_000

// stretches are the parts of time that are read. If sessions are cut, those of the range end with its last day. Otherwise one of a sane id ends within a day of its beginning. One by the gap may go on
// for ever, so behind that day only devices are read that may have had no longer pause since the end of the range.
func (v *visits) stretches(ctx context.Context) ([]stretch, error) {
	to := v.clocks.after(v.buckets.to())
	next := stretch{v.begin(), to.Add(max(v.pause(), time.Hour)), v.devices}
	if v.By == sessionsByClient {
		next.to = to.Add(maxSessionHours * time.Hour)
	}
	if v.Midnight == midnightCut {
		next.to = dayOf(to.Add(-time.Microsecond), v.zone).add(1).start(v.zone)
		return []stretch{next}, nil
	}
	out := []stretch{next}
	for since := to; ; {
		devices, err := v.open(ctx, since, next)
		if err != nil || len(devices) == 0 {
			return out, err
		}
		if len(devices) > mostListed {
			devices = v.devices
		}
		since = next.to
		next = stretch{next.to, next.to.Add(2 * next.to.Sub(to)), devices}
		out = append(out, next)
	}
}

// open are the devices of a stretch that have no longer pause from a moment to its end. Their ids do not matter here: to leave events
// out only makes pauses longer.
func (v *visits) open(ctx context.Context, since time.Time, s stretch) ([]uint64, error) {
	c := newCompiler(v.cut)
	for _, name := range []string{"device", "time", "event", "library"} {
		c.column(name)
	}
	pause := v.pause().Microseconds()
	rows := "SELECT device, " + c.dialect.Micros("time") + " AS us, " + pauseOf(c.dialect, "time") + " AS pause FROM " +
		c.sourceOf(v.line().pieces(since.Add(-v.pause()), s.to, true)) + " WHERE " + bearing() + among(s.devices)
	sql := fmt.Sprintf("SELECT device FROM (%s) GROUP BY device HAVING min(us) < %d AND max(us) >= %d AND coalesce(max(pause), 0) <= %d",
		rows, since.UnixMicro(), s.to.UnixMicro()-pause, pause)
	ctx, span := v.engine.Tracer.Start(purpose(ctx, "open"), "sql open")
	defer span.End()
	var out []uint64
	for b, err := range v.cut.Batches(ctx, sql, c.args...) {
		if err != nil {
			return nil, fmt.Errorf("read open sessions: %w", err)
		}
		out = append(out, b.Columns[0].Uint64...)
	}
	return out, nil
}

// among is a condition on the device.
func among(devices []uint64) string {
	if devices == nil {
		return ""
	}
	return " AND device IN (" + numberList(devices) + ")"
}

// line is by times: what a session is does not depend on clocks.
func (v *visits) line() *timeline { return lineOver(v.cut, v.zone, nil) }

// pieces are the events of a stretch, with what is needed to tell their positions.
func (v *visits) pieces(s stretch) []piece {
	if v.clocks == nil {
		return v.line().pieces(s.from, s.to, true)
	}
	return []piece{lineOver(v.cut, v.zone, v.clocks).timed(s.from, s.to)}
}

// sql selects device, time, bits, seq, the number of the id or 0, the values, perhaps the person and the amounts.
func (v *visits) sql(c *compiler, s stretch) string {
	for _, name := range []string{"device", "time", "seq", "session", "event", "library"} {
		c.column(name)
	}
	parts := []string{"device", "time"}
	bits, amounts := v.bits(c)
	id, join, with, counts := c.dialect.Unsigned("0", 32), "", "", ""
	if v.By == sessionsByClient {
		with, join = v.known(s), " LEFT JOIN known ON session = known"
		id = "coalesce(number, " + id + ")"
		// What is of a sane session that does not begin in the range is of no session that counts, nor of one by the gap.
		counts = " AND (known IS NULL OR began < " + c.dialect.Moment(v.clocks.after(v.buckets.to()).UnixMicro())
		if v.Midnight != midnightCut {
			counts += " AND began >= " + c.dialect.Moment(v.clocks.before(v.buckets.from()).UnixMicro())
		}
		counts += ")"
	}
	parts = append(parts, bits+" AS bits", v.clocks.position(c)+" AS seq", id+" AS id")
	for i, d := range v.dimensions {
		parts = append(parts, d.sql(c)+" AS g"+strconv.Itoa(i+1))
	}
	if v.visitors != nil {
		parts = append(parts, c.column("person"))
	}
	parts = append(parts, amounts...)
	return with + "SELECT " + strings.Join(parts, ", ") + " FROM " + c.sourceOf(v.pieces(s)) + join +
		" WHERE " + bearing() + among(s.devices) + counts
}

// bits tells what an event is, as the machine takes it; amounts are the numbers that it has for measures.
func (v *visits) bits(c *compiler) (bits string, amounts []string) {
	term := func(condition string, bit uint64) string {
		return "CASE WHEN " + condition + " THEN " + strconv.FormatUint(bit, 10) + " ELSE 0 END"
	}
	terms := []string{term(c.selects(v.Holding, v.Where), v.config.Hit)}
	if v.config.Left != 0 {
		terms = append(terms, term(leaving(), v.config.Left))
	}
	for k := range v.Measures {
		m := &v.Measures[k]
		condition := c.selects(&m.Selector, nil)
		if m.Property != "" {
			x := c.value(m.ref()).numeric()
			condition = "(" + condition + ") AND (" + x + ") IS NOT NULL"
			if v.amounts {
				amounts = append(amounts, "CASE WHEN "+condition+" THEN "+x+" END AS x"+strconv.Itoa(k+1))
			}
		}
		terms = append(terms, term(condition, session.Measured(k)))
	}
	return c.dialect.Cast(strings.Join(terms, " + "), store.Number64), amounts
}

// known numbers the sane ids of a stretch. An id of it that occurs a day before or after it, too, is none.
func (v *visits) known(s stretch) string {
	columns := func(names ...string) *compiler {
		k := newCompiler(v.cut)
		for _, name := range append(names, "session", "time", "event", "library") {
			k.column(name)
		}
		return k
	}
	first, last := s.from.Add(-maxSessionHours*time.Hour), s.to.Add(maxSessionHours*time.Hour)
	near := columns("device").sourceOf(v.line().pieces(first, last, true))
	far := columns().sourceOf(append(v.line().pieces(time.Time{}, first, true), v.line().pieces(last, forever, true)...))
	d := v.cut.Dialect()
	ids := "SELECT session AS known, min(time) AS began FROM " + near + " WHERE session <> 0 AND " + bearing() +
		" GROUP BY session HAVING min(device) = max(device) AND max(time) >= " + d.Moment(s.from.UnixMicro()) + " AND min(time) < " +
		d.Moment(s.to.UnixMicro()) + " AND " + spanOf(d, "max(time)", "min(time)") + " <= " + strconv.FormatInt(maxSessionHours*time.Hour.Microseconds(), 10)
	return "WITH " + d.Kept("ids", ids) + ", far AS (SELECT DISTINCT session FROM " + far + " WHERE session IN (SELECT known FROM ids) AND " + bearing() + ")," +
		" known AS (SELECT known, began, " + d.Unsigned("row_number() OVER ()", 32) + " AS number FROM ids WHERE known NOT IN (SELECT session FROM far)) "
}
