package store

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
