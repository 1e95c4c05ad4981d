package drill

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/config"
)

// smallDisk is the size of the file system that is filled.
const smallDisk = 64 << 20

// fill fills the disk of a server under load and frees it again. It is a new folder on a file system in memory: a copy of yours
// might not fit. While the disk is full, events have to be refused so that clients keep them; afterwards they have to be taken
// without a restart, and what was acknowledged has to be there once.
func (d *drill) fill(ctx context.Context) (problem string, err error) {
	disk := filepath.Join(d.Work, "disk")
	if err := os.MkdirAll(disk, 0o700); err != nil {
		return "", err
	}
	if err := mount(disk, smallDisk); err != nil {
		return "", skipped("a small file system cannot be mounted here, which takes root on Linux: " + err.Error())
	}
	defer func() { err = errors.Join(err, unmount(disk)) }()
	c := alone(config.Default(), filepath.Join(disk, "data"))
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", err
	}
	m := &marks{}
	if m.guest, err = app.AddGuest(ctx, c.Data, "drill"); err != nil {
		return "", err
	}
	s, err := d.serve(ctx, c)
	if err != nil {
		return "", err
	}
	defer s.kill()
	var refused, wrongly atomic.Pointer[client.Error]
	var taken atomic.Int64
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- m.load(ctx, s, stop, func(err error) {
			var e *client.Error
			switch {
			case err == nil:
				taken.Add(1)
			case errors.As(err, &e) && e.Status == http.StatusServiceUnavailable && e.Code == "disk_full" && e.RetryAfter > 0:
				refused.Store(e)
			case errors.As(err, &e) && !e.Temporary():
				wrongly.Store(e)
			}
		})
	}()
	problem = fillAndFree(ctx, s, disk, func() bool { return refused.Load() != nil }, &taken)
	close(stop)
	if err := errors.Join(<-ended, ctx.Err()); err != nil {
		return "", err
	}
	if e := wrongly.Load(); e != nil && problem == "" {
		problem = "a client was told not to come again: " + e.Error()
	}
	if problem != "" {
		return problem, nil
	}
	if err := errors.Join(m.settle(ctx, s, false), s.whole(ctx, c.Data)); err != nil {
		return err.Error(), nil
	}
	return m.missing(ctx, s)
}

// fillAndFree returns what went wrong.
func fillAndFree(ctx context.Context, s *server, disk string, full func() bool, taken *atomic.Int64) string {
	if err := s.poll(ctx, takenWithin, "no event was taken", func() bool { return taken.Load() > 0 }); err != nil {
		return err.Error()
	}
	// What the server gives back or gives up meanwhile is taken, too.
	file, err := os.Create(filepath.Join(disk, "full"))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	piece := make([]byte, 64<<10)
	err = s.poll(ctx, takenWithin, "the disk is full, and events are not refused with 503 disk_full and a Retry-After", func() bool {
		for err := error(nil); err == nil; {
			_, err = file.Write(piece)
		}
		return full()
	})
	if err := errors.Join(err, os.Remove(file.Name())); err != nil {
		return err.Error()
	}
	_ = file.Close() // its space is free when nobody has it open
	before := taken.Load()
	if err := s.poll(ctx, takenWithin, "there is space again, and events are not taken", func() bool { return taken.Load() > before }); err != nil {
		return err.Error()
	}
	return ""
}
