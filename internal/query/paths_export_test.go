package query

import "github.com/freshet/freshet/internal/query/history"

// KeepSteps bounds how many steps of paths are kept.
func (r *ResolvedPaths) KeepSteps(n int) { r.room = n }

// Thin leaves out what a selection with cuts would.
func Thin(cuts []int64, c *history.Columns) *history.Columns { return new(thinner).columns(cuts, c) }
