// Package progress draws a progress bar on a terminal, and nothing elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Bar shows how far something is. Its methods may be called from several goroutines, and on nil.
type Bar struct {
	mu    sync.Mutex
	w     io.Writer
	unit  string
	total int64
	at    int64
	began time.Time
	drawn time.Time
	width int
}

// New starts a bar of total units (0 when the end is not known); it draws only when w is a terminal.
func New(w io.Writer, unit string, total int64) *Bar {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 40 {
		width = 80
	}
	return &Bar{w: w, unit: unit, total: total, began: time.Now(), width: width}
}

// Set says how many units are done.
func (b *Bar) Set(n int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = max(b.at, n)
	if now := time.Now(); now.Sub(b.drawn) >= 100*time.Millisecond {
		b.drawn = now
		b.draw(now)
	}
}

// SetOf says how many of how many units are done, when the total is known only on the way.
func (b *Bar) SetOf(n, total int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.total = total
	b.mu.Unlock()
	b.Set(n)
}

// Done draws the last state and ends the line.
func (b *Bar) Done() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draw(time.Now())
	fmt.Fprintln(b.w)
}

func (b *Bar) draw(now time.Time) {
	line := Line(b.at, b.total, now.Sub(b.began), b.unit, b.width-1)
	fmt.Fprint(b.w, "\r", line, strings.Repeat(" ", max(0, b.width-1-len([]rune(line)))))
}

// Line is the text of a bar of at most width characters.
func Line(at, total int64, since time.Duration, unit string, width int) string {
	rate := 0.0
	if since > 0 {
		rate = float64(at) / since.Seconds()
	}
	tail := fmt.Sprintf(" %d %s, %.0f/s", at, unit, rate)
	if total <= 0 {
		return strings.TrimSpace(tail)
	}
	share := min(float64(at)/float64(total), 1)
	tail = fmt.Sprintf(" %3.0f %%%s", share*100, tail)
	if rate > 0 && at < total {
		tail += ", " + (time.Duration(float64(total-at)/rate) * time.Second).String() + " left"
	}
	cells := min(30, width-len(tail)-2)
	if cells < 5 {
		return strings.TrimSpace(tail)
	}
	full := int(share * float64(cells))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", cells-full) + "]" + tail
}
