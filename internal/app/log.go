package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

// eventLog is the log of events, wherever it is.
type eventLog interface {
	eventlog.Log
	// SubscribeUnpaced is Subscribe for a reader that takes its time: nobody waits for it.
	SubscribeUnpaced(from eventlog.Position) (eventlog.Subscription, error)
	// WrittenBefore is a position before which everything is older than t, the last one that is known.
	WrittenBefore(t time.Time) eventlog.Position
	// SkipTo sees to it that no position before p is given out again: others know events there. It is called before the first
	// Append. The error says that the log cannot.
	SkipTo(p eventlog.Position) error
	// Behind tells that those who append do well to wait for a reader.
	Behind() bool
	Close() error
}

// folderLog is the log in the data folder.
type folderLog struct{ *disk.Log }

// SkipTo implements eventLog.
func (l folderLog) SkipTo(p eventlog.Position) error {
	l.Log.SkipTo(p)
	return nil
}

// openLog opens the log that acknowledgements come from.
func (a *lane) openLog(ctx context.Context) (eventLog, error) {
	if a.Config.Log.Address != "" {
		return a.openTopic(ctx)
	}
	l, err := disk.Open(disk.Options{
		Dir: filepath.Join(a.Config.Data, "log"), SegmentBytes: int64(a.Config.Log.SegmentBytes), Full: a.ballast.given,
		Logger: a.Logger, Registerer: a.registry,
	})
	if err != nil {
		return nil, err
	}
	return folderLog{l}, nil
}

// openStoppedLog opens the log of a folder that no server uses. An error that wraps disk.ErrInUse says that one does.
func openStoppedLog(ctx context.Context, c config.Config, logger *slog.Logger) (eventLog, error) {
	if err := checkLog(c); err != nil {
		return nil, err
	}
	dir := filepath.Join(c.Data, "log")
	if c.Log.Address == "" {
		l, err := disk.Open(disk.Options{Dir: dir, SegmentBytes: int64(c.Log.SegmentBytes), Logger: logger})
		if err != nil {
			return nil, err
		}
		return folderLog{l}, nil
	}
	lock, err := disk.Lock(dir)
	if err != nil {
		return nil, err
	}
	l, err := topicBeside(ctx, c)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return topicLog{l, lock}, nil
}

// openLogBeside opens the log of a folder that a server uses, for reading, and returns what closes it.
func openLogBeside(ctx context.Context, c config.Config) (eventlog.Log, io.Closer, error) {
	if c.Log.Address != "" {
		l, err := topicBeside(ctx, c)
		return l, l, err
	}
	l, err := disk.OpenReader(filepath.Join(c.Data, "log"))
	return l, io.NopCloser(nil), err
}
