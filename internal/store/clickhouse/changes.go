package clickhouse

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// stamp names a commit. Two commits at one position, of which one is not read any more, are of different epochs.
type stamp struct {
	epoch    uint64
	position eventlog.Position
}

// changes tell what the latest change of each project was, in a way that every process which reads the database finds the same:
// so they can share answers.
type changes struct {
	// of are the commits that have changed something since base, which is the latest one that others were folded into.
	of   map[store.ProjectID]stamp
	base stamp
	// expired are how many times days were taken out.
	expired map[store.ProjectID]uint64
}

func newChanges() changes {
	return changes{of: map[store.ProjectID]stamp{}, expired: map[store.ProjectID]uint64{}}
}

// commit notes a commit.
func (c *changes) commit(at stamp, by *change) {
	for i := range by.Hours {
		c.of[by.Hours[i].Project] = at
	}
	for p := range by.Zones {
		c.of[p] = at
	}
	for _, p := range by.Others {
		c.of[p] = at
	}
}

// fold forgets commits, as those do who open the store from now on.
func (c *changes) fold(at stamp) {
	clear(c.of)
	c.base = at
}

// version is another number after each change.
func (c *changes) version(project store.ProjectID) uint64 {
	at, known := c.of[project]
	if !known {
		at = c.base
	}
	var b [24]byte
	binary.LittleEndian.PutUint64(b[:], at.epoch)
	binary.LittleEndian.PutUint64(b[8:], uint64(at.position))
	binary.LittleEndian.PutUint64(b[16:], c.expired[project])
	return xxh3.Hash(b[:])
}
