package kafka

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/freshet/freshet/internal/eventlog"
)

// groupPrefix begins the name of the consumer group in which Kafka is told who takes events out of a topic, and how far it is.
const groupPrefix = "freshet."

func (l *Log) group() string { return groupPrefix + l.opts.Target.Topic }

// Claim notes in Kafka who takes events out of the topic, and so may trim it. The error wraps ErrUnusable when it is another one than
// the owner or a former one, whose place it takes. Call it before the first Trim; a log that nobody has claimed is trimmed all the same.
func (l *Log) Claim(ctx context.Context, owner string, former ...string) error {
	offsets, err := l.admin.FetchOffsets(ctx, l.group())
	if err != nil {
		return fmt.Errorf("look who has the topic: %w", l.permanent(err))
	}
	at, ok := offsets.Lookup(l.opts.Target.Topic, l.opts.Target.Partition)
	if ok && at.Err != nil {
		return fmt.Errorf("look who has the topic: %w", l.permanent(at.Err))
	}
	if ok && at.Metadata != "" && at.Metadata != owner && !slices.Contains(former, at.Metadata) {
		return unusable("events are taken out of the topic %s by another data folder, which calls itself %s in the consumer group %s: one folder processes and "+
			"trims a topic; if that one is gone for good, delete the group in Kafka", l.opts.Target.Topic, at.Metadata, l.group())
	}
	l.owner = owner
	start, _ := l.Bounds()
	return l.reached(ctx, max(start, eventlog.Position(max(at.At, 0))))
}

// reached tells Kafka up to where events are not needed any more. It is for people, for tools that show lag, and a sign of life: Kafka
// forgets a group that says nothing for a week.
func (l *Log) reached(ctx context.Context, p eventlog.Position) error {
	if l.owner == "" {
		return nil
	}
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: l.opts.Target.Topic, Partition: l.opts.Target.Partition, At: int64(p), LeaderEpoch: -1, Metadata: l.owner})
	if err := l.admin.CommitAllOffsets(ctx, l.group(), offsets); err != nil {
		return fmt.Errorf("note who has the topic: %w", l.permanent(err))
	}
	return nil
}
