package cache

import (
	"context"
	"time"
)

const (
	// SeenFor is how long a process that has called Debts counts as one of those that share them.
	SeenFor = 3 * time.Second
	// LongestDebt is the most that a debt is kept at: what is longer is taken for the fault of a clock, and forgotten.
	LongestDebt = time.Hour
)

// Debts is the port of what processes have taken together of something that comes back with time, such as the events a second of a
// project. A debt is a duration: who takes n of what comes back at r a second owes n/r seconds, and time alone pays. Each
// process has one of its own.
//
// Adapters: memory, redis. All adapters pass the suite in cachetest. What is kept may be gone at any time: then nobody owes anything.
type Debts interface {
	// Add adds to debts, and returns what each is now, in the same order, with what all others have added; and how many processes have
	// called within SeenFor, with this one. Nothing added tells that this one is there. After an error it is not known what was added:
	// whoever adds it again makes a debt of what nobody took.
	Add(ctx context.Context, more []Debt) (now []time.Duration, processes int, err error)
}

// Debt is what is owed under a key. No key is there twice in one call.
type Debt struct {
	Key string
	// Of is not negative. Less than a microsecond may be left out.
	Of time.Duration
}
