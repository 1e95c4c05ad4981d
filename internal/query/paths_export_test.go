package query

import (
	"time"

	"github.com/freshet/freshet/internal/query/history"
)

// KeepSteps bounds how many steps of paths are kept.
func (r *ResolvedPaths) KeepSteps(n int) { r.room = n }

// FunnelAsOf is the moment that the states of the funnel of paths are told for.
func (r *ResolvedPaths) FunnelAsOf() time.Time { return r.funnel.asOf }

// Thin leaves out what a selection with cuts would.
func Thin(cuts []int64, c *history.Columns) *history.Columns { return new(thinner).columns(cuts, c) }

// ThinDays is Thin for rows whose times are days, with the cuts as days and as moments.
func ThinDays(days, cuts []int64, c *history.Columns) *history.Columns {
	return (&thinner{days: days}).columns(cuts, c)
}
