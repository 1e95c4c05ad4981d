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
	cut        store.Cut
	dimensions []*dimension
	// values number those of the breakdown, ids the ids of sessions, from 1 on.
	values *valueCodes
	ids    map[uint64]int32
}

// read gathers the events. The end of a session may lie long after the range.
func (v *visits) read(ctx context.Context) (*history.Builder, error) {
	v.values, v.ids = newValueCodes(), map[uint64]int32{0: 0}
	out, c := history.New(history.Options{}), newCompiler(v.cut)
	sql := v.sql(c)
	ctx, span := v.engine.Tracer.Start(ctx, "sql sessions")
	defer span.End()
	columns := history.Columns{}
	for b, err := range v.cut.Batches(ctx, sql, c.args...) {
		if err != nil {
			return nil, fmt.Errorf("read sessions: %w", err)
		}
		columns.Actor, columns.Time, columns.Match, columns.Seq = b.Columns[0].Uint64, b.Columns[1].Int64, b.Columns[2].Uint64, b.Columns[3].Uint64
		columns.Hold, columns.Value = columns.Hold[:0], columns.Value[:0]
		for _, id := range b.Columns[4].Uint64 {
			code, ok := v.ids[id]
			if !ok {
				code = int32(len(v.ids))
				v.ids[id] = code
			}
			columns.Hold = append(columns.Hold, code)
		}
		if len(v.dimensions) > 0 {
			for i := range b.Rows {
				code, err := v.values.of(b.Columns[5:], i)
				if err != nil {
					return nil, err
				}
				columns.Value = append(columns.Value, code)
			}
		} else {
			columns.Value = nil
		}
		if err := out.Add(&columns); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (v *visits) sql(c *compiler) string {
	for _, name := range []string{"device", "time", "seq", "session", "event", "library"} {
		c.column(name)
	}
	hit := c.selects(v.Holding, v.Where)
	id, join, with := "CAST(0 AS UBIGINT)", "", ""
	from := timestamp(v.begin().UnixMicro())
	if v.By == sessionsByClient {
		with = "WITH known AS (SELECT session AS known FROM " + v.cut.Events("session", "time", "device", "event", "library") +
			" WHERE session <> 0 AND " + bearing() + " GROUP BY session HAVING min(device) = max(device) AND max(time) >= " + from +
			" AND epoch_us(max(time)) - epoch_us(min(time)) <= " + strconv.FormatInt(maxSessionHours*time.Hour.Microseconds(), 10) + ") "
		id, join = "coalesce(known, CAST(0 AS UBIGINT))", " LEFT JOIN known ON session = known"
	}
	parts := make([]string, 0, 5+len(v.dimensions))
	parts = append(parts, "device", "time", "CAST(CASE WHEN "+hit+" THEN 1 ELSE 0 END AS UBIGINT)", "seq", id)
	for _, d := range v.dimensions {
		parts = append(parts, d.sql(c))
	}
	sameZone := v.cut.Schema().DayZone != "" && v.cut.Schema().DayZone == v.zone.String()
	line := &timeline{zone: v.zone, sameZone: sameZone}
	return with + "SELECT " + strings.Join(parts, ", ") + " FROM " + c.sourceOf(line.pieces(v.begin(), forever, true)) + join + " WHERE " + bearing()
}
