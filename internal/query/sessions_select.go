package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/query/history"
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
}

// read gathers the events. The end of a session may lie long after the range.
func (v *visits) read(ctx context.Context) (*history.Builder, error) {
	v.values = newValueCodes()
	out, c := v.engine.history(2), newCompiler(v.cut)
	if v.visitors != nil {
		v.visitors.charge = out.Charge
	}
	sql := v.sql(c)
	err := out.Read(ctx, func(ctx context.Context) error {
		ctx, span := v.engine.Tracer.Start(purpose(ctx, "sessions"), "sql sessions")
		defer span.End()
		columns, feed := history.Columns{}, out.Feed()
		for b, err := range v.cut.Batches(ctx, sql, c.args...) {
			if err != nil {
				return fmt.Errorf("read sessions: %w", err)
			}
			if err := v.columns(&columns, b); err != nil {
				return err
			}
			if err := feed.Add(&columns); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// columns fills in the columns of a batch.
func (v *visits) columns(to *history.Columns, b *store.Batch) error {
	to.Actor, to.Time, to.Match, to.Seq = b.Columns[0].Uint64, b.Columns[1].Int64, b.Columns[2].Uint64, b.Columns[3].Uint64
	to.Hold, to.Value = to.Hold[:0], to.Value[:0]
	for _, id := range b.Columns[4].Uint64 {
		to.Hold = append(to.Hold, int32(uint32(id)))
	}
	return v.valued(to, b.Columns[5:], b.Rows)
}

// valued adds what stands for the values of a batch: those of the dimensions, and behind them perhaps the persons.
func (v *visits) valued(to *history.Columns, groups []store.Vector, rows int) error {
	n := len(v.dimensions)
	if n == 0 && v.visitors == nil {
		to.Value = nil
		return nil
	}
	for i := range rows {
		code := int32(0)
		if n > 0 {
			var err error
			if code, err = v.values.of(groups[:n], i); err != nil {
				return err
			}
		}
		if v.visitors != nil {
			var err error
			if code, err = v.visitors.of(code, groups[n].Uint64[i]); err != nil {
				return err
			}
		}
		to.Value = append(to.Value, code)
	}
	return nil
}

func (v *visits) sql(c *compiler) string {
	for _, name := range []string{"device", "time", "seq", "session", "event", "library"} {
		c.column(name)
	}
	hit := c.selects(v.Holding, v.Where)
	id, join, with := "CAST(0 AS UINTEGER)", "", ""
	from := timestamp(v.begin().UnixMicro())
	if v.By == sessionsByClient {
		with = "WITH known AS (SELECT known, CAST(row_number() OVER () AS UINTEGER) AS number FROM (SELECT session AS known FROM " + v.cut.Events("session", "time", "device", "event", "library") +
			" WHERE session <> 0 AND " + bearing() + " GROUP BY session HAVING min(device) = max(device) AND max(time) >= " + from +
			" AND epoch_us(max(time)) - epoch_us(min(time)) <= " + strconv.FormatInt(maxSessionHours*time.Hour.Microseconds(), 10) + ")) "
		id, join = "coalesce(number, CAST(0 AS UINTEGER))", " LEFT JOIN known ON session = known"
	}
	parts := make([]string, 0, 6+len(v.dimensions))
	bits := "CAST(CASE WHEN " + hit + " THEN 1 ELSE 0 END AS UBIGINT)"
	if v.config.Left != 0 {
		bits = matchBits([]string{hit, leaving()})
	}
	parts = append(parts, "device", "time", bits, "seq", id)
	for _, d := range v.dimensions {
		parts = append(parts, d.sql(c))
	}
	if v.visitors != nil {
		parts = append(parts, c.column("person"))
	}
	only := ""
	if v.devices != nil {
		only = " AND device IN (" + numberList(v.devices) + ")"
	}
	sameZone := v.cut.Schema().DayZone != "" && v.cut.Schema().DayZone == v.zone.String()
	line := &timeline{zone: v.zone, sameZone: sameZone}
	return with + "SELECT " + strings.Join(parts, ", ") + " FROM " + c.sourceOf(line.pieces(v.begin(), forever, true)) + join + " WHERE " + bearing() + only
}
