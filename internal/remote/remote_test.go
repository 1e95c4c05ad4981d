package remote

import (
	"errors"
	"testing"
	"time"
)

// TestBudget holds that a call that is not made again, because others are, fails with its own error.
func TestBudget(t *testing.T) {
	s := New(Options{
		Name: "test", What: "a test", Passes: func(err error) bool { return err != nil }, Tries: 3, RetryLeast: time.Millisecond, RetryMost: time.Millisecond + 1,
		BreakAfter: 100, BreakFor: time.Second, Away: func() {}, Back: func() {}, Again: func(int, error) {},
	})
	again, end, done := make(chan struct{}), make(chan struct{}), make(chan error)
	tries := 0
	go func() {
		done <- s.Again.Run(func() error {
			if tries++; tries == 1 {
				return errors.New("it fails at first")
			}
			close(again)
			<-end
			return nil
		})
	}()
	<-again
	other := errors.New("the other one fails")
	tried := 0
	err := s.Again.WithContext(t.Context()).Run(func() error { tried++; return other })
	if !errors.Is(err, other) || tried != 1 {
		t.Errorf("after %d tries: %v", tried, err)
	}
	close(end)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
