//go:build crash

package crash_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

const (
	// roundPoints is how often power is cut in a round, which begins with an empty folder.
	roundPoints = 100
	// Of so many points one is looked at by freshet verify, and one by a server started on it, which is where an event that is
	// there twice shows. Which one it is of those is drawn for each round.
	verifyEvery = 8
	serveEvery  = 10
	// longestPause is the longest time between two points.
	longestPause = 25 * time.Millisecond
)

// point is a moment at which power was cut: the image of the file system, and the book as it was. What was acknowledged
// before must be there, what was sent until after may be.
type point struct {
	number      int
	image       string
	acked, sent int
}

// round is one life of a data folder and the points taken from it.
type round struct {
	images *images
	book   *book
	write  string
	admin  string
	points []point
	// served is the place, in each serveEvery points, of the one that a server is started on.
	served int
}

// TestPowerLoss takes power away from a server under load at random moments, while it starts and recovers as well, and
// looks at what is on the disk then.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	m := newImages(t)
	points := howMany(t, "CRASH_POINTS", defaultPoints)
	began := time.Now()
	var acked, bad int
	for done := 0; done < points; done += roundPoints {
		r := m.round(t, min(roundPoints, points-done))
		for _, problem := range r.check() {
			bad++
			t.Errorf("round %d: %v", done/roundPoints, problem)
		}
		acked += len(r.book.acked)
	}
	balance(t, "power cut", points, bad, fmt.Sprintf("%d batches acknowledged, %s", acked, time.Since(began).Round(time.Second)))
	if acked < points {
		t.Error("the load was too small to prove anything")
	}
}

// round runs a server under load and takes points; in the middle the server is killed, so that it also loses power while
// it recovers, trims and removes expired days.
func (m *images) round(t testing.TB, points int, env ...string) *round {
	t.Helper()
	image := m.format(t, "live.ext4")
	dir := filepath.Join(filepath.Dir(m.dir), "live")
	umount, err := attach(image, dir, "ext4")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(data(dir), env...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.kill()
		if err := umount(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			s.tell(t)
		}
	}()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	if err := s.change(http.MethodPatch, "/v1/projects/1", `{"retention_days":30}`, nil); err != nil {
		t.Fatal(err)
	}
	r := &round{images: m, book: &book{}, write: s.write, admin: s.admin, served: rand.IntN(serveEvery)}
	l := r.book.load(s, 2, 4*time.Millisecond)
	defer l.finish()
	for n := range points {
		if n == points/2 {
			s.kill()
			if err := s.run(); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Duration(rand.Int64N(int64(longestPause))))
		p := point{number: n}
		p.acked, _ = r.book.size()
		if p.image, err = m.cut(image, fmt.Sprintf("point-%d.ext4", n)); err != nil {
			t.Fatal(err)
		}
		_, p.sent = r.book.size()
		r.points = append(r.points, p)
	}
	return r
}

// check looks at all points, some at a time, and returns what was wrong.
func (r *round) check() (problems []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	points := make(chan point)
	for n := range runtime.GOMAXPROCS(0) {
		dir := filepath.Join(filepath.Dir(r.images.dir), fmt.Sprintf("point-%d", n))
		wg.Go(func() {
			for p := range points {
				if err := r.checkPoint(dir, p); err != nil {
					mu.Lock()
					problems = append(problems, fmt.Errorf("point %d, %d of %d batches acknowledged: %w", p.number, p.acked, p.sent, err))
					mu.Unlock()
				}
			}
		})
	}
	for _, p := range r.points {
		points <- p
	}
	close(points)
	wg.Wait()
	return problems
}

// checkPoint mounts a point, which brings the file system's own journal back, and looks.
func (r *round) checkPoint(dir string, p point) error {
	umount, err := attach(p.image, dir, "ext4")
	if err != nil {
		return err
	}
	err = r.inspect(data(dir), p)
	return errors.Join(err, umount(), os.Remove(p.image))
}

func (r *round) inspect(dir string, p point) error {
	acked, sent := r.book.page(p.acked, p.sent)
	if err := look(dir, acked, sent); err != nil {
		return err
	}
	if p.number%verifyEvery == 0 {
		if _, err := verify(dir); err != nil {
			// A store that was only just being made is made anew by the next server.
			if at, err2 := storePosition(dir); err2 != nil || at > 0 {
				return errors.Join(err, err2)
			}
			return r.serve(dir, acked, sent)
		}
	}
	if p.number%serveEvery == r.served {
		return r.serve(dir, acked, sent)
	}
	return nil
}

// serve starts a server on a point and counts; it must accept events again.
func (r *round) serve(dir string, acked []uint32, sent []uint8) (err error) {
	s, err := newServer(dir)
	if err != nil {
		return err
	}
	s.write, s.admin = r.write, r.admin
	defer func() {
		s.kill()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, pollLines.ReplaceAllString(s.log.String(), ""))
		}
	}()
	if err := s.start(); err != nil {
		return err
	}
	if err := s.count(acked, sent); err != nil {
		return err
	}
	number := uint32(len(sent))
	var code int
	var answer []byte
	// A 503 says to come again, as when the machine itself stood still for longer than an append may take.
	late := s.until("new events are accepted", soon, func() bool {
		code, answer, err = s.call(http.MethodPost, "/v1/events", s.write, body(number, 1))
		return err != nil || code != http.StatusServiceUnavailable
	})
	if err = errors.Join(late, err); err != nil || code != http.StatusOK {
		return fmt.Errorf("no new events are accepted: %d %s %v", code, answer, err) //nolint:errorlint // it may be nil
	}
	sent = append(sent[:number:number], 1)
	return s.count(append(acked[:len(acked):len(acked)], number), sent)
}
