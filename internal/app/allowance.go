package app

import "github.com/KimMachineGun/automemlimit/memlimit"

// Questions may together hold events in a questionShare of the memory that the server may use, each in leastHistory at the
// least. The rest is for rows in memory, DuckDB, and the pages of its file that the kernel keeps.
const (
	questionShare = 4
	leastHistory  = 64 << 20
	// assumedMemory is for where the memory cannot be told.
	assumedMemory = 4 << 30
)

// memoryAllowance is the memory that the server may use, in bytes: the machine's, or less where its group of processes has a
// limit, as in a container.
func memoryAllowance() uint64 {
	allowed := uint64(assumedMemory)
	if n, err := memlimit.FromSystem(); err == nil && n > 0 {
		allowed = n
	}
	if n, err := memlimit.FromCgroup(); err == nil && n > 0 {
		allowed = min(allowed, n)
	}
	return allowed
}

// historyMemory is how many bytes of events one behavioural question may hold when as many run at a time as may.
func historyMemory(allowed uint64, questions int) int64 {
	return max(int64(allowed/questionShare)/int64(questions), leastHistory)
}
