package duckdb

/*
#include <stdint.h>

// The part of DuckDB's C interface that lends it threads (duckdb.h, "Threading Information").
extern void *duckdb_create_task_state(void *database);
extern void duckdb_execute_tasks_state(void *state);
extern void duckdb_finish_execution(void *state);
extern void duckdb_destroy_task_state(void *state);
*/
import "C"

import (
	"errors"
	"reflect"
	"sync"
	"time"
	"unsafe"

	duck "github.com/duckdb/duckdb-go/v2"
)

// crew lends DuckDB threads while questions are being answered, and only then. A thread of DuckDB's own would also take
// the work of flushes and commits, and the thread that waits for it spins meanwhile: a flush then cost twice its CPU
// time. So DuckDB has no threads of its own (external_threads equals threads): whoever writes does its work itself, and
// whoever asks is helped.
type crew struct {
	database unsafe.Pointer
	size     int
	// mu guards asking, the number of questions being answered, states, those of the threads lent at the moment, and out,
	// those of all threads that have not ended.
	mu     sync.Mutex
	asking int
	states []unsafe.Pointer
	out    map[unsafe.Pointer]struct{}
	wg     sync.WaitGroup
}

// newCrew makes a crew of size threads. The driver keeps its handle of the database to itself, so it is read out of the
// connector; TestCrew fails when a new version of the driver moves it.
func newCrew(c *duck.Connector, size int) (*crew, error) {
	db := reflect.ValueOf(c).Elem().FieldByName("db")
	if !db.IsValid() || db.Kind() != reflect.Struct || !db.FieldByName("Ptr").IsValid() {
		return nil, errors.New("this version of the DuckDB driver keeps its database elsewhere")
	}
	return &crew{database: db.FieldByName("Ptr").UnsafePointer(), size: size, out: map[unsafe.Pointer]struct{}{}}, nil
}

// join lends the threads, unless they are lent already.
func (c *crew) join() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking++
	if c.asking > 1 {
		return
	}
	for range c.size {
		state := C.duckdb_create_task_state(c.database)
		c.states = append(c.states, state)
		c.out[state] = struct{}{}
		c.wg.Go(func() {
			C.duckdb_execute_tasks_state(state)
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.out, state)
			C.duckdb_destroy_task_state(state)
		})
	}
}

// leave takes the threads back when nobody asks any more; each ends with the work that it has in hand.
func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking--
	if c.asking == 0 {
		c.finish()
	}
}

func (c *crew) finish() {
	for _, state := range c.states {
		C.duckdb_finish_execution(state)
	}
	c.states = c.states[:0]
}

// dismissAgain is how long dismiss waits before it wakes the threads again.
const dismissAgain = time.Millisecond

// dismiss takes the threads back whoever asks, and returns when all have ended. A thread that was told to end can have
// lost its wake-up to another, which then ended in its place or took work; so they are woken until none is left.
func (c *crew) dismiss() {
	again := time.NewTicker(dismissAgain)
	defer again.Stop()
	for {
		c.mu.Lock()
		c.states = c.states[:0]
		for state := range c.out {
			C.duckdb_finish_execution(state)
		}
		left := len(c.out)
		c.mu.Unlock()
		if left == 0 {
			break
		}
		<-again.C
	}
	c.wg.Wait()
}
