package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/remote"
)

const (
	// tryTimeout bounds one try to send a batch, tries how many there are. A client waits for less, so a batch is sent for its
	// events' sake: it is cheaper when they are there already as they come again.
	tryTimeout = 2 * time.Second
	tries      = 4
	// A wait before another try is drawn between nothing and twice what doubles from retryLeast to retryMost.
	retryLeast = 50 * time.Millisecond
	retryMost  = 500 * time.Millisecond
	// After breakAfter tries in a row that failed, nothing is asked of Kafka for breakFor; then one batch may.
	breakAfter = 4
	breakFor   = time.Second
	// lastSequence is when a producer begins anew, long before its numbers are used up.
	lastSequence = 1 << 30
)

// errUncertain is the error of a batch that may have been written, as far as anybody can tell.
var errUncertain = errors.New("the events may have been written")

// producer sends one batch at a time.
type producer struct {
	opts    *Options
	client  *kgo.Client
	topic   kadm.TopicID
	service *remote.Service
	within  func(time.Duration) (context.Context, context.CancelFunc)
	batch   *batch

	// leader is the broker that takes batches; negative when it is not known.
	leader int32
	// id, epoch and sequence are what Kafka tells a batch from its repetition by; there are none while id is negative.
	id       int64
	epoch    int16
	sequence int32
	// asked tells that the batch at hand has been sent without an answer that says what became of it.
	asked bool
}

func newProducer(l *Log) (*producer, error) {
	b, err := newBatch()
	if err != nil {
		return nil, err
	}
	o := &l.opts
	p := &producer{opts: o, client: l.client, topic: l.topic, within: l.within, batch: b, leader: -1, id: -1}
	p.service = remote.New(remote.Options{
		Name: "log", What: "Kafka", Results: "ok, failed", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		Passes: passes, Tries: tries, RetryLeast: retryLeast, RetryMost: retryMost, BreakAfter: breakAfter, BreakFor: breakFor,
		Away: func() { o.Logger.Error("Kafka does not answer: events are refused until it does", "wait", breakFor) },
		Back: func() { o.Logger.Info("Kafka answers again; events are taken") },
		Again: func(attempts int, err error) {
			o.Logger.Warn("a batch is sent to Kafka again", "attempt", attempts, "error", err)
		},

		Registerer: o.Registerer,
	})
	return p, nil
}

// passes tells whether a batch that was not taken for this reason may be taken later.
func passes(err error) bool {
	if err == nil || errors.Is(err, circuitbreaker.ErrOpen) || errors.Is(err, errUncertain) || errors.Is(err, kgo.ErrClientClosed) {
		return false
	}
	var told *kerr.Error
	if errors.As(err, &told) {
		return told.Retriable || errors.Is(err, kerr.NotEnoughReplicas) || errors.Is(err, kerr.NotEnoughReplicasAfterAppend)
	}
	return true
}

// send sends the batch and returns the position of its first event.
func (p *producer) send() (first eventlog.Position, err error) {
	began := time.Now()
	p.batch.finish(began)
	if n := len(p.batch.out); n > p.opts.BatchBytes {
		// It is one append: several are gathered up to far less.
		return 0, event.Errorf(event.TooLarge, "record_too_large", "a record of %d bytes, compressed; the limit is %d", n, p.opts.BatchBytes)
	}
	p.asked = false
	err = p.service.Again.Run(func() (err error) {
		ctx, cancel := p.within(tryTimeout)
		defer cancel()
		first, err = p.try(ctx)
		return err
	})
	result := "ok"
	switch {
	case err == nil:
		p.sequence += int32(p.batch.events)
	case errors.Is(err, circuitbreaker.ErrOpen):
		result = "away"
	default:
		result = "failed"
	}
	if err != nil || p.sequence > lastSequence {
		// What may have been written, or is still on its way, under the old number must not be taken for the next batch: Kafka
		// would call that a repetition, and it would be acknowledged and be nowhere.
		p.id = -1
	}
	p.service.Count("append", result, time.Since(began))
	return first, refused(err, len(p.batch.out))
}

// refused is the error that an append is told of.
func refused(err error, size int) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return event.Errorf(event.TooLarge, "record_too_large", "a batch of %d bytes is more than the topic takes: see its max.message.bytes", size)
	}
	return away(err)
}

// try sends the batch once.
func (p *producer) try(ctx context.Context) (eventlog.Position, error) {
	if err := p.begin(ctx); err != nil {
		return 0, err
	}
	if err := p.findLeader(ctx); err != nil {
		return 0, err
	}
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, int32(tryTimeout/time.Millisecond)
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = p.opts.Target.Partition
	part.Records = p.batch.sign(p.id, p.epoch, p.sequence)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = p.opts.Target.Topic, p.topic
	topic.Partitions = append(topic.Partitions, part)
	r.Topics = append(r.Topics, topic)
	before := p.asked
	p.asked = true
	answer, err := p.client.Broker(int(p.leader)).Request(ctx, r)
	if err != nil {
		p.leader = -1
		return 0, fmt.Errorf("send a batch: %w", err)
	}
	given := answer.(*kmsg.ProduceResponse)
	if len(given.Topics) != 1 || len(given.Topics[0].Partitions) != 1 {
		return 0, errors.New("send a batch: the answer is of another one")
	}
	told := &given.Topics[0].Partitions[0]
	if told.ErrorCode == 0 {
		return eventlog.Position(told.BaseOffset), nil
	}
	return 0, p.not(kerr.ErrorForCode(told.ErrorCode), before)
}

// not is the error of a batch that Kafka did not take, and what follows from it. before tells that an earlier try of the same
// batch has had no answer.
func (p *producer) not(err error, before bool) error {
	p.leader = -1
	switch {
	case errors.Is(err, kerr.OutOfOrderSequenceNumber), errors.Is(err, kerr.UnknownProducerID), errors.Is(err, kerr.InvalidProducerEpoch),
		errors.Is(err, kerr.InvalidProducerIDMapping), errors.Is(err, kerr.DuplicateSequenceNumber):
		// Kafka has forgotten this producer. Under a new number the batch would be written twice if it was written before.
		p.id = -1
		if before {
			return fmt.Errorf("%w: %w", errUncertain, err)
		}
		p.asked = false
		return errForgotten
	case errors.Is(err, kerr.RequestTimedOut), errors.Is(err, kerr.NotEnoughReplicasAfterAppend):
		// It is written, and not by all who should.
	default:
		p.asked = before
	}
	return fmt.Errorf("send a batch: %w", err)
}

// errForgotten is the error of a batch that is certain not to be there, because its sender is not known.
var errForgotten = errors.New("send a batch: Kafka has forgotten its sender")

// begin asks for a number, if there is none.
func (p *producer) begin(ctx context.Context) error {
	if p.id >= 0 {
		return nil
	}
	r := kmsg.NewPtrInitProducerIDRequest()
	r.TransactionTimeoutMillis = int32(time.Minute / time.Millisecond)
	answer, err := r.RequestWith(ctx, p.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("begin to append: %w", err)
	}
	p.id, p.epoch, p.sequence = answer.ProducerID, answer.ProducerEpoch, 0
	return nil
}

// findLeader finds the broker that takes batches, if it is not known.
func (p *producer) findLeader(ctx context.Context) error {
	if p.leader >= 0 {
		return nil
	}
	r := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(p.opts.Target.Topic)
	r.Topics = append(r.Topics, t)
	answer, err := r.RequestWith(ctx, p.client)
	if err != nil {
		return fmt.Errorf("find the topic's leader: %w", err)
	}
	for i := range answer.Topics {
		for _, part := range answer.Topics[i].Partitions {
			if part.Partition == p.opts.Target.Partition && part.Leader >= 0 {
				p.leader = part.Leader
				return nil
			}
		}
	}
	return fmt.Errorf("find the topic's leader: %w", kerr.LeaderNotAvailable)
}
