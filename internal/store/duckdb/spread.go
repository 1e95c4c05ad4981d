package duckdb

/*
#include <stdlib.h>

void freshet_hand_over(void *info, void *input, void *output);
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/cgo"
	"sync"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/freshet/freshet/internal/store"
)

// Rows by the million are slow to fetch: DuckDB first gathers them all, within its memory limit, and one goroutine takes
// them chunk by chunk. So a statement can hand them over where they arise, on the threads that made them: it calls a
// function of ours on every chunk, whose first argument says which statement it is.

// handOver is the name of that function.
const handOver = "freshet_hand_over"

// spreads are the statements that hand over rows at the moment, by number.
type spreads struct {
	mu     sync.RWMutex
	latest uint64
	open   map[uint64]*spread
	handle cgo.Handle
	number *C.ulonglong
}

// newSpreads makes the function known to a connection's database.
func newSpreads(conn execer) (*spreads, error) {
	s := &spreads{open: map[uint64]*spread{}, number: (*C.ulonglong)(C.malloc(C.size_t(unsafe.Sizeof(C.ulonglong(0)))))}
	s.handle = cgo.NewHandle(s)
	*s.number = C.ulonglong(s.handle)
	own, err := connectionOf(conn)
	if err == nil {
		err = s.register(own)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// connectionOf is DuckDB's connection behind the driver's. The driver keeps it to itself, so it is read out of it.
func connectionOf(conn interface{ Raw(func(any) error) error }) (out mapping.Connection, err error) {
	err = conn.Raw(func(raw any) error {
		c := reflect.ValueOf(raw).Elem().FieldByName("conn")
		if !c.IsValid() || c.Type() != reflect.TypeFor[mapping.Connection]() {
			return errors.New("this version of the DuckDB driver keeps its connection elsewhere")
		}
		out.Ptr = c.FieldByName("Ptr").UnsafePointer()
		return nil
	})
	return out, err
}

func (s *spreads) register(conn mapping.Connection) error {
	f := mapping.CreateScalarFunction()
	defer mapping.DestroyScalarFunction(&f)
	number, anything, result := mapping.CreateLogicalType(mapping.TypeUBigInt), mapping.CreateLogicalType(mapping.TypeAny), mapping.CreateLogicalType(mapping.TypeUTinyInt)
	defer mapping.DestroyLogicalType(&number)
	defer mapping.DestroyLogicalType(&anything)
	defer mapping.DestroyLogicalType(&result)
	mapping.ScalarFunctionAddParameter(f, number)
	mapping.ScalarFunctionSetVarargs(f, anything)
	mapping.ScalarFunctionSetReturnType(f, result)
	mapping.ScalarFunctionSetName(f, handOver)
	mapping.ScalarFunctionSetSpecialHandling(f)
	mapping.ScalarFunctionSetVolatile(f)
	mapping.ScalarFunctionSetExtraInfo(f, unsafe.Pointer(s.number), nil)
	mapping.ScalarFunctionSetFunction(f, C.freshet_hand_over)
	if mapping.RegisterScalarFunction(conn, f) == mapping.StateError {
		return errors.New("DuckDB refuses the function " + handOver)
	}
	return nil
}

// close is for when the database is closed, or was never opened.
func (s *spreads) close() {
	if s == nil {
		return
	}
	s.handle.Delete()
	C.free(unsafe.Pointer(s.number))
}

func (s *spreads) begin(p *spread) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest++
	s.open[s.latest] = p
	return s.latest
}

func (s *spreads) end(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, number)
}

func (s *spreads) of(number uint64) *spread {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open[number]
}

// spread is one statement.
type spread struct {
	worker func() func(*store.Batch) error
	// mu guards idle, those who take a chunk and have none at the moment, and failed.
	mu     sync.Mutex
	idle   []*taker
	failed error
}

// taker takes one chunk at a time.
type taker struct {
	chunkColumns
	take func(*store.Batch) error
}

func (s *spread) taker() (*taker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return nil, s.failed
	}
	if n := len(s.idle); n > 0 {
		t := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return t, nil
	}
	return &taker{take: s.worker()}, nil
}

func (s *spread) done(t *taker, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, t)
	if s.failed == nil {
		s.failed = err
	}
	return s.failed
}

// chunk hands over the columns behind the first one.
func (s *spread) chunk(input mapping.DataChunk) error {
	t, err := s.taker()
	if err != nil {
		return err
	}
	if t.types == nil {
		err = t.typesOf(input)
	}
	if err == nil {
		err = t.take(t.read(input, 1, true))
	}
	return s.done(t, err)
}

// typesOf notes the types of a chunk's columns behind the first one.
func (k *chunkColumns) typesOf(chunk mapping.DataChunk) error {
	types := make([]mapping.Type, mapping.DataChunkGetColumnCount(chunk)-1)
	for i := range types {
		t := mapping.VectorGetColumnType(mapping.DataChunkGetVector(chunk, mapping.IdxT(i+1)))
		types[i] = mapping.GetTypeId(t)
		mapping.DestroyLogicalType(&t)
	}
	return k.set(types)
}

//export freshet_hand_over
func freshet_hand_over(info, input, output unsafe.Pointer) {
	f, chunk, out := mapping.FunctionInfo{Ptr: info}, mapping.DataChunk{Ptr: input}, mapping.Vector{Ptr: output}
	rows := int(mapping.DataChunkGetSize(chunk))
	if rows == 0 {
		return
	}
	clear(lent[uint8](mapping.VectorGetData(out), rows))
	all := cgo.Handle(*(*C.ulonglong)(mapping.ScalarFunctionGetExtraInfo(f))).Value().(*spreads)
	number := lent[uint64](mapping.VectorGetData(mapping.DataChunkGetVector(chunk, 0)), rows)[0]
	s := all.of(number)
	if s == nil {
		// The statement was broken off.
		mapping.ScalarFunctionSetError(f, "nobody takes these rows")
		return
	}
	if err := s.chunk(chunk); err != nil {
		mapping.ScalarFunctionSetError(f, err.Error())
	}
}

// Spread implements store.Cut.
func (c *cut) Spread(ctx context.Context, worker func() func(*store.Batch) error, query string, args ...any) error {
	if c.failed != nil {
		return c.store.told(c.failed)
	}
	s := &spread{worker: worker}
	number := c.store.spreads.begin(s)
	defer c.store.spreads.end(number)
	sql := fmt.Sprintf("SELECT count(%s(%d::UBIGINT, *COLUMNS(*))) FROM (%s)", handOver, number, query)
	var none any
	err := c.conn.QueryRowContext(ctx, sql, args...).Scan(&none)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return c.store.told(err)
}
