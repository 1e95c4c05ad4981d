package yield

import "time"

const (
	// lull is for how long nobody may have waited for anything before work that merely tidies begins.
	lull = 2 * time.Second
	// rest is how many times as long as it took such work rests when there is no lull.
	rest = 10
)

// Spare is work that merely tidies, in pieces that cannot stop in the middle. A question that comes meanwhile shares the cores with it,
// so it is done when nobody asks; and if somebody always does, in an eleventh of the time. It has one user at a time.
type Spare struct {
	to *Foreground
	// next is when a piece may be done although somebody waits.
	next time.Time
}

// Spare makes one that keeps out of the way of f.
func (f *Foreground) Spare() *Spare { return &Spare{to: f} }

// Do does a piece of the work, or leaves it for a later call. The error is that of the piece.
func (s *Spare) Do(piece func() error) error {
	began := time.Now()
	if began.Before(s.next) && !s.to.quiet(began) {
		return nil
	}
	err := piece()
	ended := time.Now()
	s.next = ended.Add(rest * ended.Sub(began))
	return err
}
