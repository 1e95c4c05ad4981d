package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshet/freshet/internal/eventlog"
)

// Found is what Look has found.
type Found struct {
	// Exists tells that there is a topic; there are no bounds without one.
	Exists     bool
	Start, End eventlog.Position
}

// Look looks at the topic and changes nothing. Its errors are those of Open.
func Look(ctx context.Context, o Options) (f Found, err error) {
	o.defaults()
	client, err := newClient(&o)
	if err != nil {
		return f, err
	}
	defer client.Close()
	l := &Log{opts: o, client: client, admin: kadm.NewClient(client)}
	l.admin.SetTimeoutMillis(int32(askFor / time.Millisecond))
	topic, err := l.find(ctx)
	if errors.Is(err, kerr.UnknownTopicOrPartition) && o.ID == "" {
		return f, nil
	}
	if _, ok := topic.Partitions[o.Target.Partition]; err == nil && !ok && int(o.Target.Partition) < o.Partitions {
		return f, nil // Open makes it
	}
	if err == nil {
		err = l.inspect(ctx, topic)
	}
	if err == nil {
		err = l.look(ctx)
	}
	if err != nil {
		return f, fmt.Errorf("look at the log %s: %w", o.Target.String(), l.permanent(err))
	}
	f.Exists = true
	f.Start, f.End = l.Bounds()
	return f, nil
}
