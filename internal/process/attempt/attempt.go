// Package attempt remembers, beyond the life of a process, what was being processed: an event that ends the process ends
// the next one too, and only a note that outlives both can tell which it is.
//
// Before it takes up a record the processor notes its position, with one write into an open file and without a sync: what a
// process wrote survives it, and a loss of power is not the fault of an event. A process that finds such a note at its start
// follows one that did not come to its end. Where two lives in a row ended, the events of the record are noted one by one,
// and what was at hand when the third life ended there is set aside. When a life ends in a commit, nothing is known but the
// batch. Most of those were killed by somebody, so the next one takes it up as it is; when that one ends in the commit as well, every record of
// it is committed by itself, which takes long where a commit does.
package attempt

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
)

const (
	// markFile is three little-endian numbers of 8 bytes, each 0 for none: the record at hand, plus 1; the event, plus 1; the
	// position after the batch that is being committed.
	markFile  = "attempt"
	markBytes = 24
	// stateFile has what earlier lives have left, as JSON.
	stateFile = "attempts.json"
	// tries is how many lives may end at the same place.
	tries = 3
)

// Attempts are the notes in a folder. Condemned and Condemn are safe for concurrent use, the rest is for the one who
// processes.
type Attempts struct {
	folder string
	file   *os.File
	buf    [markBytes]byte
	mu     sync.Mutex
	state  state
	// known is how many are condemned: mostly none.
	known atomic.Int64
}

type state struct {
	// Suspect is where the last lives have ended.
	Suspect *suspect `json:"suspect,omitempty"`
	// Ended is the batch in whose commit the last life has ended that did so, Batch one in whose commit two in a row have.
	Ended *batch `json:"ended,omitempty"`
	Batch *batch `json:"batch,omitempty"`
	// Condemned are what is set aside without being tried.
	Condemned []condemned `json:"condemned,omitempty"`
}

type suspect struct {
	Record eventlog.Position `json:"record"`
	Deaths int               `json:"deaths"`
}

type batch struct {
	From eventlog.Position `json:"from"`
	To   eventlog.Position `json:"to"`
}

func (b *batch) has(at eventlog.Position) bool { return b != nil && at >= b.From && at < b.To }

// condemned are the events from From to before To.
type condemned struct {
	From   eventlog.Position `json:"from"`
	To     eventlog.Position `json:"to"`
	Reason string            `json:"reason"`
}

// Open reads the notes in a folder, draws the conclusion from them and goes on taking notes. What was condemned by the notes
// in the other folders is condemned here, too. The error is the file system's.
func Open(folder string, others ...string) (*Attempts, error) {
	a := &Attempts{folder: folder}
	for _, other := range append([]string{folder}, others...) {
		s, err := read(other)
		if err != nil {
			return nil, err
		}
		if other == folder {
			a.state.Suspect, a.state.Ended, a.state.Batch = s.Suspect, s.Ended, s.Batch
		}
		a.state.Condemned = append(a.state.Condemned, s.Condemned...)
	}
	f, err := os.OpenFile(filepath.Join(folder, markFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the note of attempts: %w", err)
	}
	a.file = f
	_, err = f.ReadAt(a.buf[:], 0)
	if err == nil && a.number(0) != 0 {
		a.conclude()
		err = a.save()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read the note of attempts: %w", err), f.Close())
	}
	a.known.Store(int64(len(a.state.Condemned)))
	a.Done()
	return a, nil
}

// read reads what earlier lives have left. A file that is damaged is as good as none: the notes come again.
func read(folder string) (s state, err error) {
	b, err := os.ReadFile(filepath.Join(folder, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the attempts: %w", err)
	}
	if !json.Valid(b) {
		return s, nil
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read the attempts: %w", err)
	}
	return s, nil
}

// conclude learns from the note of a life that did not come to its end.
func (a *Attempts) conclude() {
	event, to := a.number(1), a.number(2)
	at := eventlog.Position(a.number(0) - 1)
	s := &a.state
	if to != 0 && !s.Batch.has(at) {
		b := &batch{at, eventlog.Position(to)}
		if s.Ended != nil && s.Ended.From == at {
			s.Batch, b = b, nil
		}
		s.Ended, s.Suspect = b, nil
		return
	}
	if s.Suspect == nil || s.Suspect.Record != at {
		s.Suspect = &suspect{Record: at}
	}
	if s.Suspect.Deaths++; s.Suspect.Deaths < tries || to == 0 && event == 0 {
		return
	}
	from, end := at, eventlog.Position(to)
	if event != 0 {
		from, end = eventlog.Position(event-1), eventlog.Position(event)
	}
	s.Condemned = append(s.Condemned, condemned{from, end, fmt.Sprintf("it ended the process %d times", s.Suspect.Deaths)})
	s.Suspect = nil
}

func (a *Attempts) number(i int) uint64 { return binary.LittleEndian.Uint64(a.buf[8*i:]) }

// note writes the mark. That it cannot be written is no reason to stop: it is needed only if the process ends.
func (a *Attempts) note(record, event, to uint64) {
	binary.LittleEndian.PutUint64(a.buf[0:], record)
	binary.LittleEndian.PutUint64(a.buf[8:], event)
	binary.LittleEndian.PutUint64(a.buf[16:], to)
	_, _ = a.file.WriteAt(a.buf[:], 0)
}

// Record notes that the record at a position is taken up. It tells whether each of its events is to be noted, and whether
// it is to be committed by itself.
func (a *Attempts) Record(at eventlog.Position) (each, alone bool) {
	a.note(uint64(at)+1, 0, 0)
	s := &a.state
	return s.Suspect != nil && s.Suspect.Record == at, s.Batch.has(at)
}

// Event notes that an event of the record at hand is taken up.
func (a *Attempts) Event(record, at eventlog.Position) { a.note(uint64(record)+1, uint64(at)+1, 0) }

// Commit notes that the records from a position to before another are being committed.
func (a *Attempts) Commit(from, to eventlog.Position) { a.note(uint64(from)+1, 0, uint64(to)) }

// Done notes that nothing is at hand.
func (a *Attempts) Done() { a.note(0, 0, 0) }

// Condemned says why the event at a position is not to be tried; it is empty when it is.
func (a *Attempts) Condemned(at eventlog.Position) string {
	if a.known.Load() == 0 {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.state.Condemned {
		if at >= c.From && at < c.To {
			return c.Reason
		}
	}
	return ""
}

// Condemn has the event at a position set aside from now on, in this life and the next.
func (a *Attempts) Condemn(at eventlog.Position, reason string) error {
	a.mu.Lock()
	a.state.Condemned = append(a.state.Condemned, condemned{at, at + 1, reason})
	a.known.Add(1)
	a.mu.Unlock()
	return a.save()
}

func (a *Attempts) save() error {
	a.mu.Lock()
	b, err := json.Marshal(a.state)
	a.mu.Unlock()
	if err == nil {
		err = durable.WriteFile(filepath.Join(a.folder, stateFile), b)
	}
	if err != nil {
		return fmt.Errorf("write the attempts: %w", err)
	}
	return nil
}

// Close ends the notes in order.
func (a *Attempts) Close() error {
	a.Done()
	return a.file.Close()
}
