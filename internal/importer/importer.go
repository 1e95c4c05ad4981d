// Package importer reads events out of CSV, NDJSON and Parquet files and sends them to a server through the native API.
// Rows without an id get one made of their content and of how many rows before them are the same, so that importing a
// file twice gives the same numbers while identical rows stay distinct events. It works in constant memory.
package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Sender posts a JSON array of events, trying again as long as that may help, and returns the answer's body and the
// position after the events.
type Sender func(ctx context.Context, body []byte) (answer []byte, position uint64, err error)

// Options configure Run.
type Options struct {
	// Path is the file; Format is csv, ndjson or parquet, by the file's name when empty.
	Path, Format string
	// In is read in place of the file when Path is "-".
	In      io.Reader
	Mapping Mapping
	Send    Sender
	// Batch is the events of a request, default 1000; Senders the requests at a time, default 4.
	Batch, Senders int
	// Resume goes on behind the rows that an earlier run, which was cut off, has noted as acknowledged.
	Resume bool
	// Bad, if not nil, is told each row that could not be used and why. Rows count from 1, headers do not count.
	Bad func(row int64, reason string)
	// Progress, if not nil, is told how much was read and the total, in the same unit.
	Progress func(done, total int64)
}

// Result is what became of the rows.
type Result struct {
	Rows int64 `json:"rows"`
	// Skipped rows were acknowledged in an earlier run.
	Skipped  int64 `json:"skipped"`
	Accepted int64 `json:"accepted"`
	// Rejected rows were refused by the server, Bad ones could not be read or mapped.
	Rejected int64 `json:"rejected"`
	Bad      int64 `json:"bad"`
	// Position is the one after the last event.
	Position uint64  `json:"position"`
	Mapping  Mapping `json:"mapping"`
}

// maxBodyBytes is when a request is sent although it has fewer events than Batch.
const maxBodyBytes = 4 << 20

// job is one request: events and the rows they come from.
type job struct {
	body  []byte
	rows  []int64
	index int
	// until is the last row read when the job was made.
	until int64
}

type run struct {
	o          Options
	src        source
	counter    *counter
	checkpoint *checkpoint
	mapping    columns
	result     Result
	// skip is the last row that an earlier run has done.
	skip int64
	// mu guards result and bad reports once senders run.
	mu sync.Mutex
}

// Run imports one file.
func Run(ctx context.Context, o Options) (res Result, err error) {
	if o.Batch <= 0 {
		o.Batch = 1000
	}
	if o.Senders <= 0 {
		o.Senders = 4
	}
	src, err := open(ctx, o)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	r := &run{o: o, src: src, counter: newCounter()}
	defer func() { err = errors.Join(err, r.counter.close()) }()
	if r.checkpoint, err = openCheckpoint(o); err != nil {
		return res, err
	}
	r.skip = r.checkpoint.Rows
	jobs := make(chan job, o.Senders)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(jobs)
		return r.read(ctx, jobs)
	})
	for range o.Senders {
		group.Go(func() error {
			for j := range jobs {
				if err := r.send(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return r.result, errors.Join(err, r.checkpoint.save())
	}
	return r.result, r.checkpoint.remove()
}

// read makes requests out of rows.
func (r *run) read(ctx context.Context, jobs chan<- job) error {
	var j job
	var number int64
	flush := func() error {
		if len(j.rows) == 0 {
			return nil
		}
		j.body = append(j.body, ']')
		j.until = number
		select {
		case jobs <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
		j = job{index: j.index + 1}
		return nil
	}
	for {
		row, err := r.src.Next()
		if errors.Is(err, io.EOF) {
			return flush()
		}
		number++
		r.count(func(res *Result) { res.Rows++ })
		var bad rowError
		if err != nil && !errors.As(err, &bad) {
			return fmt.Errorf("read row %d: %w", number, err)
		}
		if err == nil && !r.mapping.known {
			if r.mapping, err = r.o.Mapping.resolve(row); err != nil {
				return err
			}
			r.count(func(res *Result) { res.Mapping = r.mapping.Mapping })
		}
		at := len(j.body)
		if err == nil {
			open := byte(',')
			if at == 0 {
				open = '['
			}
			j.body, err = r.event(append(j.body, open), row)
		}
		if err != nil {
			j.body = j.body[:at]
			if !errors.As(err, &bad) {
				return err
			}
			r.bad(number, bad.Error())
			continue
		}
		if number <= r.skip {
			// The row was counted, which its successors' ids need, and was acknowledged before.
			j.body = j.body[:at]
			r.count(func(res *Result) { res.Skipped++ })
			continue
		}
		j.rows = append(j.rows, number)
		if len(j.rows) >= r.o.Batch || len(j.body) >= maxBodyBytes {
			if err := flush(); err != nil {
				return err
			}
			if r.o.Progress != nil {
				r.o.Progress(r.src.Progress())
			}
		}
	}
}

// event appends a row as a native event with its id.
func (r *run) event(b []byte, row *Row) ([]byte, error) {
	at := len(b)
	b, hasID, err := r.mapping.appendEvent(b, row)
	if err != nil || hasID {
		return b, err
	}
	id, err := r.counter.id(b[at:])
	if err != nil {
		return b, err
	}
	b = b[:len(b)-1] // the closing brace
	b = append(b, `,"id":"`...)
	b = append(b, id...)
	return append(b, `"}`...), nil
}

func (r *run) count(f func(*Result)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.result)
}

func (r *run) bad(row int64, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Bad++
	if r.o.Bad != nil {
		r.o.Bad(row, reason)
	}
}

// send posts a job and notes what became of its rows.
func (r *run) send(ctx context.Context, j job) error {
	answer, position, err := r.o.Send(ctx, j.body)
	if err != nil {
		return fmt.Errorf("send rows %d to %d: %w", j.rows[0], j.rows[len(j.rows)-1], err)
	}
	var a struct {
		Accepted int64
		Results  []struct {
			Index                int
			Status, Code, Reason string
		}
	}
	if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&a); err != nil {
		return fmt.Errorf("read the answer to rows %d to %d: %w", j.rows[0], j.rows[len(j.rows)-1], err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Position = max(r.result.Position, position)
	r.result.Accepted += a.Accepted
	for _, one := range a.Results {
		if one.Status == "rejected" && one.Index < len(j.rows) {
			r.result.Rejected++
			if r.o.Bad != nil {
				r.o.Bad(j.rows[one.Index], one.Code+": "+one.Reason)
			}
		}
	}
	return r.checkpoint.done(j.index, j.until)
}
