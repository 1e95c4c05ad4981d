package disk

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/event"
)

// stallAfter is how long a commit may take before the disk counts as hung.
const stallAfter = 2 * time.Second

// stall watches the commit at hand: nothing ends a write that the kernel does not return from, but somebody has to
// notice.
type stall struct {
	logger *slog.Logger

	// mu guards began, which is zero while no commit is at hand, told, and alarm, which tells of a stall.
	mu    sync.Mutex
	began time.Time
	told  bool
	alarm *time.Timer
}

func (s *stall) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = now
	if s.alarm == nil {
		s.alarm = time.AfterFunc(stallAfter, s.tell)
		return
	}
	s.alarm.Reset(stallAfter)
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alarm.Stop()
	if s.told {
		s.logger.Warn("the event log's disk answers again; events are taken", "stalled_seconds", time.Since(s.began).Seconds())
	}
	s.began, s.told = time.Time{}, false
}

func (s *stall) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told || s.began.IsZero() || time.Since(s.began) < stallAfter {
		return
	}
	s.told = true
	s.logger.Error("the event log's disk does not answer; events are refused until it does")
}

// lasts is for how long the commit at hand has been going on.
func (s *stall) lasts() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		return 0
	}
	return time.Since(s.began)
}

func (s *stall) gauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "freshet_log_stall_seconds",
		Help: "For how long the disk has kept the commit at hand; from 2 seconds on events are refused until it answers.",
	}, func() float64 { return s.lasts().Seconds() })
}

func slow(d time.Duration) error {
	e := event.Errorf(event.Unavailable, "log_slow", "the disk of the event log has not answered for %.0f seconds", d.Seconds())
	e.Wait = retryDisk
	return e
}
