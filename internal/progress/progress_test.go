package progress

import (
	"bytes"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	if got := Line(50, 100, 10*time.Second, "events", 79); got != "[===============               ]  50 % 50 events, 5/s, 10s left" {
		t.Error(got)
	}
	if got := Line(50, 0, 10*time.Second, "rows", 79); got != "50 rows, 5/s" {
		t.Error(got)
	}
	if got := Line(200, 100, time.Second, "rows", 20); got != "100 % 200 rows, 200/s" {
		t.Error(got)
	}
}

func TestNothingIsDrawnElsewhere(t *testing.T) {
	var b bytes.Buffer
	bar := New(&b, "events", 10)
	bar.Set(5)
	bar.Done()
	if b.Len() > 0 {
		t.Error(b.String())
	}
}
