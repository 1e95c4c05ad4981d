package store

import (
	"maps"
	"slices"
)

// Digest says what rows a project has on a day, whatever their order and however they came to be there.
type Digest struct {
	Project ProjectID `json:"project"`
	// Day is in days since 1970-01-01, in the project's zone.
	Day    int64 `json:"day"`
	Events int64 `json:"events"`
	// Sum adds up the hashes of all rows, of every column, with links resolved. Sums of two stores may be compared when the
	// same binary made them with the same engine.
	Sum string `json:"sum"`
}

// AllColumns are the names of all columns of a cut, in an order that is the same wherever and whenever they came to be.
func (s *Schema) AllColumns() []string {
	names := make([]string, 0, len(Columns)+len(s.Properties))
	for _, c := range Columns {
		names = append(names, c.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		columns := slices.Clone(s.Properties[key])
		slices.SortFunc(columns, func(a, b PropertyColumn) int { return int(a.Type) - int(b.Type) })
		for _, c := range columns {
			names = append(names, c.Column)
		}
	}
	return names
}
