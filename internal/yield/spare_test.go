package yield_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/yield"
)

func TestSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f yield.Foreground
		s := f.Spare()
		// tried is how many of some tries, one each second, did a piece of half a second.
		tried := func(seconds int) (done int) {
			for range seconds {
				_ = s.Do(func() error { pass(500 * time.Millisecond); done++; return nil })
				pass(time.Second)
			}
			return done
		}
		if n := tried(10); n != 10 {
			t.Errorf("%d of 10 pieces while nobody waits", n)
		}
		end := f.Begin()
		if n := tried(56); n != 11 {
			t.Errorf("%d pieces of half a second in a minute in which somebody always waits", n)
		}
		end()
		if n := tried(1); n != 0 {
			t.Error("began as soon as nobody waited")
		}
		pass(time.Second)
		if n := tried(3); n != 3 {
			t.Errorf("%d of 3 pieces after a while in which nobody waited", n)
		}
		failed := errors.New("failed")
		if err := s.Do(func() error { return failed }); !errors.Is(err, failed) {
			t.Errorf("a piece that fails: %v", err)
		}
	})
}
