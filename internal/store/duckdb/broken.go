package duckdb

import (
	"errors"
	"time"

	duck "github.com/duckdb/duckdb-go/v2"

	"github.com/freshet/freshet/internal/event"
)

// When a checkpoint cannot be written, for want of space or because of the disk, DuckDB gives the database up: whatever is
// asked of it after that is refused until the file is opened again. Nothing is lost by it. The file and its write-ahead log
// are as they were before the checkpoint, and what was in memory only comes back from the log.

// Broken is closed when the store has to be closed and opened again before it answers.
func (s *Store) Broken() <-chan struct{} { return s.broken }

// heed looks whether an error says that the store is broken, and tells so.
func (s *Store) heed(err error) bool {
	var e *duck.Error
	if !errors.As(err, &e) || e.Type != duck.ErrorTypeFatal {
		return false
	}
	s.breaking.Do(func() {
		s.opts.Logger.Error("the store has to be opened again", "error", err)
		close(s.broken)
	})
	return true
}

// told is an error of a question in the words that its asker is to read.
func (s *Store) told(err error) error {
	if err == nil || !s.heed(err) {
		return err
	}
	return &event.Error{
		Kind: event.Unavailable, Code: "store_opening", Err: err, Wait: time.Minute,
		Message: "the store is being opened; events are accepted, answers follow",
	}
}
