package duckdb

import (
	"fmt"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/flat"
)

// table is what is known of one project's table: its name on disk and its property columns. Columns are only ever
// added, so a part of the store is described by how many of them it has.
type table struct {
	project store.ProjectID
	cold    string
	limit   int
	// onDisk and diskProps say whether the file has the table, and how many property columns it has there, as the
	// flusher sees it; diskReady and diskReadyProps say the same of what is committed. Store.mu guards the latter.
	onDisk         bool
	diskProps      int
	diskReady      bool
	diskReadyProps int
	// diskColumns and diskReadyColumns are all columns that it has there. They are replaced, never changed.
	diskColumns, diskReadyColumns columnSet
	// zone is that of the rows on disk, loc the one in which the latest row was cut, nil when none was since the store was
	// opened. Store.mu guards both; only who holds flushing changes zone.
	zone flat.Zone
	loc  *time.Location
	// former tells that some rows on disk are of a former layout; Store.mu guards it. distrusted tells that a day would have
	// differed in today's; flushing guards it.
	former, distrusted bool
	// overflows tells that a row may have an overflow; Store.mu guards it.
	overflows bool
	// recut is how far the days of the rows on disk have been cut anew; flushing guards it.
	recut progress

	// mu guards the property columns: the processor adds them while cuts read them.
	mu    sync.RWMutex
	props []store.PropertyColumn
	index map[propertyKey]int
	names nameNumbers
	// wanted are the columns that questions have asked for, and when they last did.
	wanted map[string]time.Time
}

type propertyKey struct {
	key string
	typ store.Type
}

func newTable(project store.ProjectID, limit int) *table {
	return &table{
		project: project, cold: fmt.Sprintf("%s.events_%d", fileDatabase, project), limit: limit,
		index: map[propertyKey]int{}, wanted: map[string]time.Time{},
	}
}

// columnOf returns the number of the property column for a key and type; it adds one while the limit allows, and
// returns -1 past it.
func (t *table) columnOf(key string, typ store.Type) int {
	// Only the processor writes, and it is the caller: reading without the lock is safe here.
	if n, ok := t.index[propertyKey{key, typ}]; ok {
		return n
	}
	if len(t.props) >= t.limit {
		return -1
	}
	return t.addProperty(string([]byte(key)), typ)
}

func (t *table) addProperty(key string, typ store.Type) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.props)
	t.props = append(t.props, store.PropertyColumn{Key: key, Type: typ, Column: fmt.Sprintf("p%d", n+1)})
	t.index[propertyKey{key, typ}] = n
	return n
}

func (t *table) properties() []store.PropertyColumn {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.props[:len(t.props):len(t.props)]
}

// table returns the project's table and makes it known when it is new. Only the processor calls it.
func (s *Store) table(project store.ProjectID) *table {
	s.mu.RLock()
	t := s.tables[project]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t = newTable(project, s.opts.PropertyLimit)
	s.tables[project] = t
	return t
}
