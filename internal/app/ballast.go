package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	ballastEvery = time.Second
	// ballastShare is the part of the disk, one in so many, that the ballast takes at most.
	ballastShare = 100
	// ballastLow is the part of the ballast, one in so many, below which free space counts as none.
	ballastLow = 8
)

// ballast is a file that holds space back. When the disk is full it is removed: what frees space needs some first, to
// remove days, to flush what is in memory so that the log can be trimmed, to change a setting. Events get none of it: they
// are refused until there is space enough to hold it again.
type ballast struct {
	path string
	// size is what is to be held back, 0 for nothing.
	size   int64
	space  func() (free, total uint64)
	logger *slog.Logger
	held   bool
	// full tells that no events are to be taken.
	full atomic.Bool
	// gone tells upkeep that the disk is full.
	gone chan struct{}
}

func newBallast(folder string, size int64, logger *slog.Logger, r prometheus.Registerer) *ballast {
	b := &ballast{
		path: filepath.Join(folder, "ballast"), size: size, logger: logger, gone: make(chan struct{}, 1),
		space: func() (free, total uint64) { return diskSpace(folder) },
	}
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "freshet_disk_" + name, Help: help}, f))
	}
	gauge("free_bytes", "Free space on the disk of the data folder; 0 when it cannot be told.", func() float64 {
		free, _ := b.space()
		return float64(free)
	})
	gauge("reserve_given", "1 while the disk is full and the ballast is given up: events are refused.", func() float64 {
		if b.given() {
			return 1
		}
		return 0
	})
	b.look()
	return b
}

// given tells that what space there is is not for events.
func (b *ballast) given() bool { return b.full.Load() }

// run looks after the ballast until ctx ends.
func (b *ballast) run(ctx context.Context) {
	tick := time.NewTicker(ballastEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.look()
		}
	}
}

// look gives the ballast up, or makes it, as the space demands. A file that is not there counts as held as long as there
// is as much free space.
func (b *ballast) look() {
	free, total := b.space()
	if total == 0 {
		return
	}
	size := min(b.size, int64(total/ballastShare))
	info, err := os.Stat(b.path)
	b.held = err == nil && info.Size() == size
	switch {
	case size == 0:
		b.remove()
		b.full.Store(false)
	case b.held && int64(free) < size/ballastLow:
		b.giveUp(free)
	case !b.held && int64(free) >= 2*size:
		b.hold(size)
	case !b.held:
		b.set(int64(free) < size)
	default:
		b.set(false)
	}
}

func (b *ballast) giveUp(free uint64) {
	if !b.remove() {
		return
	}
	b.set(true)
	b.logger.Error("the disk is full: the ballast is given up, and events are refused until there is space", "free_bytes", free)
	select {
	case b.gone <- struct{}{}:
	default:
	}
}

func (b *ballast) hold(size int64) {
	if err := reserve(b.path, size); err != nil {
		b.logger.Warn("hold space back", "bytes", size, "error", err)
		b.remove()
		return
	}
	b.held = true
	b.set(false)
}

func (b *ballast) set(full bool) {
	if b.full.Swap(full) && !full {
		b.logger.Warn("there is space on the disk again; events are taken")
	}
}

func (b *ballast) remove() bool {
	err := os.Remove(b.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.logger.Error("give the ballast up", "error", err)
		return false
	}
	b.held = false
	return true
}

// fill writes what no file system can store in less space.
func fill(f io.Writer, size int64) error {
	_, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), size)
	return err
}
