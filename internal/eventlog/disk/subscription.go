package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

func sortSegments(s []segment) {
	sort.Slice(s, func(i, j int) bool { return s[i].first < s[j].first })
}

// Subscribe implements eventlog.Log.
func (l *Log) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	start, end := l.Bounds()
	if from < start || from > end {
		return nil, event.Errorf(event.Invalid, "bad_position", "position %d is not in the log, which holds %d to %d", from, start, end)
	}
	return &subscription{log: l, at: from}, nil
}

// SubscribeUnpaced is Subscribe for a reader that takes its time: commits are never held back for it.
func (l *Log) SubscribeUnpaced(from eventlog.Position) (eventlog.Subscription, error) {
	sub, err := l.Subscribe(from)
	if err != nil {
		return nil, err
	}
	sub.(*subscription).unpaced = true
	return sub, nil
}

// subscription hands out the block it has, which ends at end, before it looks for the next one. It reads from the blocks kept in memory while it keeps up, and from the files while it does not.
type subscription struct {
	log     *Log
	at      eventlog.Position
	end     eventlog.Position
	block   cursor
	file    vfs.File
	segment segment
	offset  int64
	buf     []byte
	entries []eventlog.Entry
	// unpaced is a reader that the log does not wait for.
	unpaced bool
	// reached is how far into everything ever published the block at hand begins; guarded by the log's mutex.
	reached int64
}

// Next implements eventlog.Subscription.
func (s *subscription) Next(ctx context.Context, limit int) ([]eventlog.Entry, error) {
	for {
		if s.at < s.end {
			return s.take(limit)
		}
		b, advanced, err := s.find()
		if err != nil {
			return nil, err
		}
		if b != nil {
			s.block, s.end = cursor{b.first, b.raw}, b.end
			continue
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns entries out of the block at hand.
func (s *subscription) take(limit int) ([]eventlog.Entry, error) {
	var err error
	s.entries, err = s.block.entries(s.entries[:0], s.at, limit)
	if n := len(s.entries); n > 0 {
		s.at = s.entries[n-1].End()
		return s.entries, nil
	}
	if err == nil {
		err = fmt.Errorf("%w: the block ends at position %d", errTorn, s.at)
	}
	s.end = s.at
	return nil, s.corrupt(err)
}

// find returns the block that holds the next event, or a channel to wait on when there is none yet.
func (s *subscription) find() (*block, <-chan struct{}, error) {
	l := s.log
	l.mu.Lock()
	if s.at >= l.end {
		l.tail.reads(s, nil)
		advanced, closed := l.advanced, l.closed
		l.mu.Unlock()
		if closed {
			return nil, nil, eventlog.ErrClosed
		}
		return nil, advanced, nil
	}
	b := l.tail.find(s.at)
	l.tail.reads(s, b)
	if b != nil {
		l.mu.Unlock()
		s.closeFile()
		return b, nil, nil
	}
	segments := l.segments
	l.mu.Unlock()
	b, err := s.read(segments)
	return b, nil, err
}

// read finds the next block in the segment files.
func (s *subscription) read(segments []segment) (*block, error) {
	i := sort.Search(len(segments), func(i int) bool { return segments[i].first > s.at }) - 1
	if len(segments) == 0 {
		return nil, s.corrupt(fmt.Errorf("%w: no segment", errTorn))
	}
	if i < 0 {
		return nil, event.Errorf(event.Invalid, "trimmed", "position %d has left the log, which begins at %d", s.at, segments[0].first)
	}
	if s.file == nil || s.segment != segments[i] {
		s.closeFile()
		f, err := s.log.opts.FS.Open(s.log.path(segments[i]), vfs.SequentialReadsOption)
		if err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		}
		s.file, s.segment, s.offset = f, segments[i], 0
	}
	for {
		h, stored, err := readBlock(s.file, s.offset, s.buf)
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: the segment ends", errTorn)
		}
		if err != nil {
			return nil, s.corrupt(err)
		}
		s.buf = stored
		if h.first > s.at {
			return nil, s.corrupt(fmt.Errorf("%w: position %d where %d was due", errTorn, h.first, s.at))
		}
		if h.first+eventlog.Position(h.events) > s.at {
			b, err := decodeBlock(h, stored)
			if err != nil {
				return nil, s.corrupt(err)
			}
			s.offset += headerBytes + int64(h.stored)
			return b, nil
		}
		s.offset += headerBytes + int64(h.stored)
	}
}

// corrupt names the place of damage; position s.at cannot be read, SkipDamage finds where to go on.
func (s *subscription) corrupt(cause error) error {
	if !errors.Is(cause, errTorn) {
		return fmt.Errorf("read log segment %s at %d: %w", s.segment.name, s.offset, cause)
	}
	e := event.Errorf(event.Corrupt, "log_damaged", "log segment %s is damaged at byte %d: position %d cannot be read",
		s.segment.name, s.offset, s.at)
	e.Err = cause
	return e
}

// SkipDamage moves on to the first position behind the damage that can be read, and returns it.
func (s *subscription) SkipDamage() (eventlog.Position, error) {
	if s.file != nil {
		info, err := s.file.Stat()
		if err != nil {
			return s.at, fmt.Errorf("skip damage: %w", err)
		}
		if offset, h, ok := findBlock(s.file, s.offset, info.Size(), s.at+1); ok {
			s.offset, s.at = offset, h.first
			return s.at, nil
		}
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, next := range s.log.segments {
		if next.first > s.at {
			s.at = next.first
			return s.at, nil
		}
	}
	s.at = s.log.end
	return s.at, nil
}

func (s *subscription) closeFile() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}

// Close implements eventlog.Subscription.
func (s *subscription) Close() error {
	s.closeFile()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.tail.reads(s, nil)
	return nil
}
