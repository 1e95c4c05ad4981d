package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrUnusable is wrapped by the errors of Open that do not pass: something has to be set, here or in Kafka.
var ErrUnusable = errors.New("the topic cannot be the log")

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnusable}, args...)...)
}

// The settings of a topic that decide whether it keeps what it is given.
const (
	setCleanup   = "cleanup.policy"
	setTime      = "retention.ms"
	setSize      = "retention.bytes"
	setInsync    = "min.insync.replicas"
	setUnclean   = "unclean.leader.election.enable"
	setMessage   = "max.message.bytes"
	setFlush     = "flush.messages"
	setTimestamp = "message.timestamp.type"
)

// madeEvery is how often it is looked whether a topic that was just made is there.
const madeEvery = 50 * time.Millisecond

// settings are those of a topic that is made.
func settings(o *Options) map[string]*string {
	text := func(s string) *string { return &s }
	m := map[string]*string{
		setCleanup: text("delete"), setTime: text("-1"), setSize: text("-1"), setUnclean: text("false"),
		setMessage: text(strconv.Itoa(o.BatchBytes)), setTimestamp: text("CreateTime"),
		setInsync: text(strconv.Itoa(least(o.Replicas))),
	}
	if o.Replicas == 1 {
		m[setFlush] = text("1")
	}
	return m
}

// least is how many copies an event must have before it is acknowledged.
func least(replicas int) int { return min(replicas, 2) }

// prepare finds the topic, or makes it, and checks it.
func (l *Log) prepare(ctx context.Context) (id kadm.TopicID, err error) {
	topic, err := l.find(ctx)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		if l.opts.ID == "" {
			if err := l.create(ctx); err != nil {
				return id, err
			}
		}
		// A broker that has just begun may not know yet of a topic that is there.
		wait, cancel := context.WithTimeout(ctx, askFor)
		defer cancel()
		topic, err = l.made(wait, 1)
	}
	if n := len(topic.Partitions); err == nil && n > 0 && n < l.opts.Partitions {
		topic, err = l.grow(ctx)
	}
	if err == nil {
		err = l.inspect(ctx, topic)
	}
	return topic.ID, l.permanent(err)
}

// inspect checks a topic that is there.
func (l *Log) inspect(ctx context.Context, topic kadm.TopicDetail) error {
	name := l.opts.Target.Topic
	if id := topic.ID.String(); l.opts.ID != "" && id != l.opts.ID {
		return unusable("Kafka calls the topic %s %s, and the one that was used is %s: it was deleted and made anew, or is another cluster's or of another name",
			name, id, l.opts.ID)
	}
	if n := len(topic.Partitions); l.opts.Partitions == 1 && l.opts.Target.Partition == 0 && n != 1 {
		return unusable("the topic %s has %d partitions, a log is one: name another topic, which is made, or set lanes if it is that of several", name, n)
	}
	if _, ok := topic.Partitions[l.opts.Target.Partition]; !ok {
		return unusable("the topic %s has %d partitions, and none that is number %d", name, len(topic.Partitions), l.opts.Target.Partition)
	}
	configs, err := l.admin.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return err
	}
	found, err := configs.On(name, nil)
	if err == nil {
		err = found.Err
	}
	if err != nil {
		return fmt.Errorf("read the topic's settings: %w", err)
	}
	has := map[string]string{}
	for _, c := range found.Configs {
		has[c.Key] = c.MaybeValue()
	}
	return l.opts.check(has, len(topic.Partitions[l.opts.Target.Partition].Replicas))
}

// check finds what is wrong with a topic's settings.
func (o *Options) check(has map[string]string, replicas int) error {
	wrong := func(key, want, why string) error {
		return unusable("%s of the topic %s is %q: %s; set it to %s", key, o.Target.Topic, has[key], why, want)
	}
	number := func(key string) int {
		n, err := strconv.Atoi(has[key])
		if err != nil {
			return 0
		}
		return n
	}
	switch {
	case has[setCleanup] != "delete":
		return wrong(setCleanup, "delete", "Kafka would take single events out")
	case has[setTime] != "-1":
		return wrong(setTime, "-1", "Kafka would delete events that have not been processed; Freshet deletes what it needs no more (log.keep)")
	case has[setSize] != "-1":
		return wrong(setSize, "-1", "Kafka would delete events that have not been processed; Freshet deletes what it needs no more (log.keep)")
	case has[setUnclean] == "true":
		return wrong(setUnclean, "false", "a broker without the last events may become the leader, and acknowledged ones be lost")
	case number(setInsync) < least(replicas):
		return wrong(setInsync, strconv.Itoa(least(replicas)), "an event would be acknowledged when one broker has it, and be lost with that")
	case number(setInsync) > replicas:
		return wrong(setInsync, strconv.Itoa(least(replicas)), fmt.Sprintf("there are %d replicas, so nothing would ever be taken", replicas))
	case replicas == 1 && has[setFlush] != "1":
		return wrong(setFlush, "1", "there is one replica, which must have an event on its disk before it is acknowledged")
	case number(setMessage) < o.BatchBytes:
		return wrong(setMessage, strconv.Itoa(o.BatchBytes), "a request of limits.max_body would not fit; or lower that")
	case has[setTimestamp] == "LogAppendTime":
		return wrong(setTimestamp, "CreateTime", "the batches of an idempotent producer are not taken with it")
	}
	return nil
}

func (l *Log) find(ctx context.Context) (kadm.TopicDetail, error) {
	all, err := l.admin.Metadata(ctx, l.opts.Target.Topic)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	t := all.Topics[l.opts.Target.Topic]
	if t.Err != nil {
		return t, t.Err
	}
	for _, p := range t.Partitions {
		if p.Err != nil {
			return t, p.Err
		}
	}
	return t, nil
}

func (l *Log) create(ctx context.Context) error {
	_, err := l.admin.CreateTopic(ctx, int32(l.opts.Partitions), int16(l.opts.Replicas), settings(&l.opts), l.opts.Target.Topic)
	switch {
	case err == nil || errors.Is(err, kerr.TopicAlreadyExists): // Another process was faster.
		return nil
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return unusable("it cannot be made with %d replicas, because there are fewer brokers: set log.replicas", l.opts.Replicas)
	}
	return l.permanent(fmt.Errorf("make the topic: %w", err))
}

// grow gives the topic as many partitions as there are logs in it. Those that were there go on meanwhile.
func (l *Log) grow(ctx context.Context) (kadm.TopicDetail, error) {
	grown, err := l.admin.UpdatePartitions(ctx, l.opts.Partitions, l.opts.Target.Topic)
	if err == nil {
		err = grown.Error()
	}
	if err != nil && !errors.Is(err, kerr.InvalidPartitions) { // Another process was faster.
		return kadm.TopicDetail{}, fmt.Errorf("give the topic %d partitions: %w", l.opts.Partitions, err)
	}
	l.opts.Logger.Info("the topic has been given partitions", "topic", l.opts.Target.Topic, "partitions", l.opts.Partitions)
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return l.made(ctx, l.opts.Partitions)
}

// made waits until so many partitions of the topic have leaders.
func (l *Log) made(ctx context.Context, partitions int) (kadm.TopicDetail, error) {
	tick := time.NewTicker(madeEvery)
	defer tick.Stop()
	for {
		t, err := l.find(ctx)
		if err == nil && len(t.Partitions) >= partitions {
			return t, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return t, errors.Join(err, ctx.Err())
		}
	}
}

// permanent marks the errors that stay until somebody does something about them.
func (l *Log) permanent(err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) && l.opts.ID != "" {
		return unusable("there is no topic %s, and there was one that Kafka called %s", l.opts.Target.Topic, l.opts.ID)
	}
	for _, e := range []error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism,
		kerr.InvalidConfig, kerr.PolicyViolation, kerr.InvalidTopicException,
	} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrUnusable, err)
		}
	}
	return err
}
