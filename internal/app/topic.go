package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
	"github.com/freshet/freshet/internal/eventlog/kafka"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// logFile is the file of the data folder that says where its log is when it is elsewhere.
const logFile = "log.json"

// logNote is the content of logFile.
type logNote struct {
	// ID is what Kafka tells the topic apart by from others of its name: the positions of this folder's store are its.
	ID string `json:"id"`
	// Owner is what Kafka is told of who takes events out of the topic.
	Owner string `json:"owner"`
	// Topic is for people to read.
	Topic string `json:"topic"`
	// Partition is the one that is the log.
	Partition int32 `json:"partition,omitempty"`
}

// storeOwner is whose positions a database has.
func (n *logNote) storeOwner() string {
	if n.Partition == 0 {
		return n.ID
	}
	return fmt.Sprintf("%s/%d", n.ID, n.Partition)
}

func readLogNote(data string) (*logNote, error) {
	b, err := os.ReadFile(filepath.Join(data, logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none while the log is in the folder
	}
	var n logNote
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", logFile, err)
	}
	return &n, nil
}

// checkLog finds what is wrong with where the log is to be, before a predecessor is asked to stop. The positions of a store mean
// nothing in another log: events would be left out, or counted twice.
func checkLog(c config.Config) error {
	n, err := readLogNote(c.Data)
	switch {
	case err != nil:
		return err
	case c.Log.Address == "" && n != nil:
		return fmt.Errorf("the log of %s is in Kafka (%s), and there is no command yet that moves it into the folder: set log.address", c.Data, n.Topic)
	case c.Log.Address == "":
		return nil
	}
	if _, err := kafka.ParseURL(c.Log.Address); err != nil {
		return fmt.Errorf("log.address: %w", err)
	}
	if n != nil {
		return nil
	}
	used, err := disk.Used(filepath.Join(c.Data, "log"))
	if err != nil {
		return err
	}
	at, err := duckdb.LastPosition(c.Data)
	if err != nil {
		return err
	}
	elsewhere, err := readStoreNote(c.Data)
	if err != nil {
		return err
	}
	if used || at > 0 || elsewhere != nil {
		return fmt.Errorf("%s has events of a log of its own, and there is no command yet that moves it to Kafka: leave log.address empty, "+
			"or begin with an empty data folder", c.Data)
	}
	return nil
}

// topicLog is a log in Kafka, with the lock of the data folder that it belongs to.
type topicLog struct {
	*kafka.Log
	lock io.Closer
}

// Close implements eventLog.
func (l topicLog) Close() error { return errors.Join(l.Log.Close(), l.lock.Close()) }

// topicOptions are those of a log in Kafka.
func topicOptions(c config.Config) (o kafka.Options, err error) {
	o = kafka.Options{Replicas: c.Log.Replicas, Partitions: c.Lanes, BatchBytes: max(2*int(c.Limits.MaxBody), leastBatch)}
	if o.Target, err = kafka.ParseURL(c.Log.Address); err != nil {
		return o, fmt.Errorf("log.address: %w", err)
	}
	// The folder's positions are those of one topic.
	n, err := readLogNote(c.Data)
	if n != nil {
		o.ID = n.ID
	}
	return o, err
}

// leastBatch is what a topic must take at once however small limits.max_body is: requests share batches.
const leastBatch = 8 << 20

// openTopic opens the log in Kafka. One that does not answer is waited for: nothing could be accepted without it.
func (a *lane) openTopic(ctx context.Context) (eventLog, error) {
	o, err := topicOptions(a.Config)
	if err != nil {
		return nil, err
	}
	o.Logger, o.Registerer = a.Logger, a.registry
	lock, err := disk.Lock(filepath.Join(a.Config.Data, "log"))
	if err != nil {
		return nil, err
	}
	var l *kafka.Log
	err = a.untilThere(ctx, func() (err error) {
		if l == nil {
			l, err = kafka.Open(ctx, o)
		}
		if err == nil {
			err = ownTopic(ctx, a.Config, l, &o.Target)
		}
		return err
	})
	if err == nil {
		return topicLog{l, lock}, nil
	}
	if l != nil {
		err = errors.Join(err, l.Close())
	}
	return nil, errors.Join(err, lock.Close())
}

// untilThere tries until Kafka answers, or what it says will not change by waiting.
func (a *app) untilThere(ctx context.Context, try func() error) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		err := try()
		if err == nil || errors.Is(err, kafka.ErrUnusable) {
			return err
		}
		a.server.WaitFor("Kafka, which has its log")
		a.Logger.Error("waiting for the log", "error", err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ownTopic notes the topic at the first start, and has it for the folder alone if events are taken out of it here.
func ownTopic(ctx context.Context, c config.Config, l *kafka.Log, t *kafka.Target) error {
	n, err := readLogNote(c.Data)
	if err != nil {
		return err
	}
	if n == nil {
		if n, err = beginTopic(c, l, t); err != nil {
			return err
		}
	}
	if !c.Does(config.RoleProcess) || leased(c) {
		return nil // or who has the lease has the topic
	}
	return l.Claim(ctx, n.Owner)
}

// beginTopic notes the topic of a new folder.
func beginTopic(c config.Config, l *kafka.Log, t *kafka.Target) (*logNote, error) {
	if _, end := l.Bounds(); end > 0 && c.Project == "" {
		return nil, fmt.Errorf("%w: the topic %s has events, up to position %d, and %s knows none of their projects: name another topic, "+
			"or share the projects and keys (setting project)", kafka.ErrUnusable, t.String(), end, c.Data)
	}
	n := &logNote{ID: l.TopicID(), Owner: uuid.NewString(), Topic: t.String(), Partition: t.Partition}
	b, err := json.Marshal(n)
	if err == nil {
		err = durable.WriteFile(filepath.Join(c.Data, logFile), b)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: write %s: %w", kafka.ErrUnusable, logFile, err)
	}
	return n, nil
}

// checkTopic reads everything that the log in Kafka has.
func checkTopic(ctx context.Context, c config.Config) (found disk.Checked, err error) {
	l, err := topicBeside(ctx, c)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	found.Start, found.End = l.Bounds()
	sub, err := l.Subscribe(found.Start)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, sub.Close()) }()
	for at := found.Start; at < found.End; {
		at, err = checkNext(ctx, sub, at, &found)
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// checkNext reads on, or notes what cannot be read and goes on behind it.
func checkNext(ctx context.Context, sub eventlog.Subscription, at eventlog.Position, found *disk.Checked) (eventlog.Position, error) {
	entries, err := sub.Next(ctx, 1024)
	if err == nil {
		return entries[len(entries)-1].End(), nil
	}
	s, ok := sub.(interface {
		SkipDamage() (eventlog.Position, error)
	})
	if !ok || event.KindOf(err) != event.Corrupt {
		return at, err
	}
	found.Damage = append(found.Damage, err.Error())
	return s.SkipDamage()
}

// topicBeside opens the log in Kafka beside a server that uses it.
func topicBeside(ctx context.Context, c config.Config) (*kafka.Log, error) {
	o, err := topicOptions(c)
	if err != nil {
		return nil, err
	}
	if o.ID == "" {
		return nil, fmt.Errorf("no server has used %s with the topic %s yet", c.Data, o.Target.String())
	}
	return kafka.Open(ctx, o)
}

// ProbeLog looks where the log is, or will be, and changes nothing. advice says what to do about it.
func ProbeLog(ctx context.Context, c config.Config) (found, advice string, err error) {
	return probeLanes(ctx, c, probeLog)
}

func probeLog(ctx context.Context, c config.Config) (found, advice string, err error) {
	if err := checkLog(c); err != nil {
		return "", "freshet serve would refuse to start.", err
	}
	if c.Log.Address == "" {
		return "segment files in the data folder", "", nil
	}
	o, err := topicOptions(c)
	if err != nil {
		return "", "", err
	}
	began := time.Now()
	f, err := kafka.Look(ctx, o)
	switch {
	case errors.Is(err, kafka.ErrUnusable):
		return "", "freshet serve would refuse to start.", err
	case err != nil:
		return "", "Check the address, the user and the network; see the setting log.address. Events are refused while Kafka is away.", err
	case !f.Exists:
		found = fmt.Sprintf("Kafka, topic %s is made at the first start", o.Target.String())
	default:
		found = fmt.Sprintf("Kafka, topic %s with positions %d to %d", o.Target.String(), f.Start, f.End)
	}
	found += fmt.Sprintf(", answers in %s", time.Since(began).Round(100*time.Microsecond))
	if !o.Target.TLS {
		advice = "The connection is not encrypted: use kafkas:// and the brokers' TLS port."
	}
	return found, advice, nil
}
