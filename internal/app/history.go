package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/archive/cloud"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
)

// listFile is where a server notes what the archive's bucket has.
const listFile = "archive.list"

// openBucket opens where the archive is: a bucket, or a folder. The registerer is nil for commands beside a server.
func openBucket(ctx context.Context, c config.Config, logger *slog.Logger, r prometheus.Registerer) (archive.Bucket, io.Closer, error) {
	if c.Archive.Bucket == "" {
		return archive.Folder(c.ArchiveFolder()), io.NopCloser(nil), nil
	}
	b, err := cloud.Open(ctx, cloud.Options{URL: c.Archive.Bucket, Logger: logger, Registerer: r})
	if err != nil {
		return nil, nil, fmt.Errorf("open the archive: %w", err)
	}
	return b, b, nil
}

// openArchive opens the archive, whether it is to be written or only read. A bucket that is away keeps nobody from accepting
// events and answering questions, once it has been reached.
func (a *way) openArchive(ctx context.Context) error {
	var err error
	if a.bucket, a.closeBucket, err = openBucket(ctx, a.Config, a.Logger, a.registry); err != nil {
		return err
	}
	if a.lease != nil {
		a.bucket = leasedBucket{a.bucket, a.lease}
	}
	if a.Config.Archive.Bucket != "" {
		a.bucket = &archive.Remembering{Bucket: a.bucket, File: filepath.Join(a.Config.Data, listFile), Logger: a.Logger}
	}
	if err := claimArchive(ctx, a.Config.Data, a.bucket, a.Logger); err != nil {
		return err
	}
	if !a.Config.Archive.Enabled {
		return nil
	}
	o := archive.Options{
		Bucket: a.bucket, Log: unpaced{a.log}, Every: a.Config.Archive.Interval, Logger: a.Logger, Registerer: a.registry,
		Yield: a.questions.Background().Yield,
	}
	if leavesMarks(a.Config) {
		a.marker = archive.NewMarker(a.bucket)
		o.Own = a.marker.Own
	}
	a.archive, err = archive.Open(ctx, o)
	if err != nil {
		return err
	}
	// What was given out and archived before the log lost its end, or was restored, is not given out again.
	return a.untilThere(ctx, func() error { return a.log.SkipTo(a.archive.Position()) })
}

// unpaced is the log for a reader that nobody is to wait for.
type unpaced struct{ eventLog }

// Subscribe implements archive.Log.
func (l unpaced) Subscribe(from eventlog.Position) (eventlog.Subscription, error) {
	return l.SubscribeUnpaced(from)
}

// completeFrom is the position from which on the log and the archive have everything.
func completeFrom(ctx context.Context, h archive.History) (eventlog.Position, error) {
	missing, err := h.Missing(ctx)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	return missing[len(missing)-1].To, nil
}

// complete returns an error when neither the log nor the archive has everything from a position on.
func complete(ctx context.Context, h archive.History, from eventlog.Position) error {
	missing, err := h.Missing(ctx)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if m.To > from {
			return fmt.Errorf("positions %d to %d are neither in the log nor in the archive", max(m.From, from), m.To-1)
		}
	}
	return nil
}
