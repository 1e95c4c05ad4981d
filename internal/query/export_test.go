package query

import "time"

// Edges are those of the buckets of a question and of the range it is compared with.
func (r *Resolved) Edges() (own, compared []time.Time) {
	if r.compare != nil {
		compared = r.compare.edges
	}
	return r.buckets.edges, compared
}

// Ended is how many buckets are over.
func (r *Resolved) Ended() int { return r.buckets.ended }

// SilentEvents and ServerLibraries are the lists of session.go.
var (
	SilentEvents    = silentEvents
	ServerLibraries = serverLibraries
	ParseFormula    = parseFormula
)
