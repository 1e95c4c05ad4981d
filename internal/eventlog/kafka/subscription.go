package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

const (
	// fetchBytes is about how much a subscription asks for at a time; a batch that is larger comes as a whole.
	fetchBytes = 2 << 20
	// pollRecords is the most records taken out of what was fetched at a time.
	pollRecords = 4096
)

// Subscribe implements eventlog.Log.
func (l *Log) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	start, end := l.Bounds()
	if from > end {
		// Another process may have appended just now.
		ctx, cancel := l.within(askFor)
		defer cancel()
		if err := l.look(ctx); err != nil {
			return nil, away(err)
		}
		start, end = l.Bounds()
	}
	if from < start || from > end {
		return nil, event.Errorf(event.Invalid, "bad_position", "position %d is not in the log, which holds %d to %d", from, start, end)
	}
	return &subscription{log: l, at: from}, nil
}

// SubscribeUnpaced is Subscribe: nobody waits for a reader.
func (l *Log) SubscribeUnpaced(from eventlog.Position) (eventlog.Subscription, error) {
	return l.Subscribe(from)
}

// subscription reads with a client of its own, so that a slow reader keeps nobody from what it needs.
type subscription struct {
	log    *Log
	client *kgo.Client
	at     eventlog.Position
	// records were fetched and are not handed out; the first one is at position at, unless something is missing.
	records []*kgo.Record
	// aligned tells that at is known to be where an append begins.
	aligned bool
	joiner  joiner
	values  [][]byte
	entries []eventlog.Entry
}

// Next implements eventlog.Subscription.
func (s *subscription) Next(ctx context.Context, limit int) ([]eventlog.Entry, error) {
	s.entries = s.entries[:0]
	for {
		err := s.take(limit)
		if len(s.entries) > 0 {
			// What is wrong behind them is met again.
			return s.entries, nil
		}
		if err != nil {
			return nil, err
		}
		if err := s.fetch(ctx); err != nil {
			return nil, err
		}
	}
}

// take turns fetched records into entries. It stops in front of an append that is not there as a whole yet.
func (s *subscription) take(limit int) error {
	for len(s.entries) < limit && len(s.records) > 0 {
		r := s.records[0]
		if eventlog.Position(r.Offset) != s.at {
			return s.damaged(fmt.Errorf("%w: position %d where %d was due", errMessage, r.Offset, s.at))
		}
		m := &s.joiner.message
		if err := m.read(r.Value); err != nil {
			return s.damaged(err)
		}
		if m.index > 0 && !s.aligned && int64(m.index) <= r.Offset {
			s.seek(s.at - eventlog.Position(m.index))
			return nil
		}
		s.aligned = true
		n := m.count
		if n > len(s.records) {
			// The rest is still to be fetched, unless what came is of another append.
			last := len(s.records) - 1
			if err := m.read(s.records[last].Value); err != nil || m.index != last || m.count != n {
				return s.damaged(fmt.Errorf("%w: an append of %d events that is cut short", errMessage, n))
			}
			return nil
		}
		s.values = s.values[:0]
		for i, r := range s.records[:n] {
			if eventlog.Position(r.Offset) != s.at+eventlog.Position(i) {
				return s.damaged(fmt.Errorf("%w: position %d where %d was due", errMessage, r.Offset, s.at+eventlog.Position(i)))
			}
			s.values = append(s.values, r.Value)
		}
		payload, err := s.joiner.join(s.values)
		if err != nil {
			return s.damaged(err)
		}
		s.entries = append(s.entries, eventlog.Entry{First: s.at, Events: n, Payload: payload})
		s.at += eventlog.Position(n)
		clear(s.records[:n])
		s.records = s.records[n:]
	}
	return nil
}

// damaged is the error of a position that cannot be read.
func (s *subscription) damaged(cause error) error {
	if errors.Is(cause, event.ErrNewer) {
		return fmt.Errorf("read the log at position %d: %w", s.at, cause)
	}
	e := event.Errorf(event.Corrupt, "log_damaged", "position %d of the topic %s cannot be read", s.at, s.log.opts.Target.Topic)
	e.Err = cause
	return e
}

// SkipDamage moves on to the next record that an append begins with, among those that were fetched, or behind them.
func (s *subscription) SkipDamage() (eventlog.Position, error) {
	if len(s.records) == 0 {
		return s.at, errors.New("skip damage: there is none at hand")
	}
	first := 0
	if eventlog.Position(s.records[0].Offset) == s.at {
		first = 1
	}
	for first < len(s.records) {
		if m := &s.joiner.message; m.read(s.records[first].Value) == nil && m.index == 0 {
			break
		}
		first++
	}
	s.at = eventlog.Position(s.records[min(first, len(s.records)-1)].Offset)
	if first == len(s.records) {
		s.at++
	}
	s.records = s.records[first:]
	return s.at, nil
}

// seek makes the next fetch begin at a position.
func (s *subscription) seek(to eventlog.Position) {
	s.at, s.records = to, nil
	s.drop()
}

func (s *subscription) drop() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// fetch waits for more records. It returns when there are some.
func (s *subscription) fetch(ctx context.Context) error {
	if start, _ := s.log.Bounds(); s.at < start {
		return s.trimmed()
	}
	if s.client == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A log that is closed has what it had; a reader that is at its end is told.
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-s.log.ended:
			if s.finished() {
				cancel()
			}
		case <-done:
		}
	}()
	fetched := s.client.PollRecords(ctx, pollRecords)
	if s.finished() && fetched.NumRecords() == 0 {
		return eventlog.ErrClosed
	}
	var err error
	fetched.EachError(func(_ string, _ int32, e error) { err = errors.Join(err, e) })
	fetched.EachPartition(func(p kgo.FetchTopicPartition) {
		s.log.saw(eventlog.Position(max(p.LogStartOffset, 0)), eventlog.Position(max(p.HighWatermark, 0)))
		s.records = append(s.records, p.Records...)
	})
	switch {
	case fetched.NumRecords() > 0 || err == nil:
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return s.trimmed()
	case ctx.Err() != nil:
		return ctx.Err()
	}
	// The client has given up on the topic: the next call makes another.
	s.drop()
	return away(fmt.Errorf("read the log at position %d: %w", s.at, err))
}

// finished tells that the log is closed and everything in it has been read.
func (s *subscription) finished() bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.closed && s.at >= s.log.end
}

func (s *subscription) trimmed() error {
	start, _ := s.log.Bounds()
	return event.Errorf(event.Invalid, "trimmed", "position %d has left the log, which begins at %d", s.at, start)
}

func (s *subscription) open() (err error) {
	s.client, err = reading(&s.log.opts, s.at)
	return err
}

// reading makes a client that reads the topic from a position on.
func reading(o *Options, from eventlog.Position) (*kgo.Client, error) {
	return newClient(o,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{o.Target.Topic: {o.Target.Partition: kgo.NewOffset().At(int64(from))}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchBytes), kgo.MaxConcurrentFetches(1),
		kgo.BrokerMaxReadBytes(int32(min(2*o.BatchBytes+2*fetchBytes, 1<<30))),
	)
}

// indexAt is the place of the event at a position within its append.
func (l *Log) indexAt(ctx context.Context, at eventlog.Position) (int, error) {
	client, err := reading(&l.opts, at)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	fetched := client.PollRecords(ctx, 1)
	if err := fetched.Err(); err != nil {
		return 0, err
	}
	records := fetched.Records()
	if len(records) == 0 {
		return 0, fmt.Errorf("read the log at position %d: nothing is there", at)
	}
	var m decoded
	err = m.read(records[0].Value)
	return m.index, err
}

// Close implements eventlog.Subscription.
func (s *subscription) Close() error {
	s.drop()
	return nil
}
