package query

import (
	"time"
)

// Edges are those of the buckets of a question and of the range it is compared with.
func (r *Resolved) Edges() (own, compared []time.Time) {
	if r.compare != nil {
		compared = r.compare.edges
	}
	return r.buckets.edges, compared
}

// Edges are those of the trend's buckets of a funnel and of the range it is compared with.
func (r *ResolvedFunnel) Edges() (own, compared []time.Time) {
	if r.compare != nil {
		compared = r.compare.edges
	}
	return r.buckets.edges, compared
}

// InvisibleEvents are those that do not disturb a strict order.
func InvisibleEvents() []string { return append(invisibleEvents(), silentEvents()...) }

// Ended is how many buckets are over.
func (r *Resolved) Ended() int { return r.buckets.ended }

// Eval and IDs are what a formula can do.
func (f *formula) Eval(series func(id string) *float64) *float64 { return f.eval(series) }

// IDs calls yield with the series.
func (f *formula) IDs(yield func(id string)) { f.ids(yield) }

// What tests need to know of the package.
var (
	SilentEvents    = silentEvents
	ServerLibraries = serverLibraries
	ParseFormula    = parseFormula
	Stair           = stair
)
