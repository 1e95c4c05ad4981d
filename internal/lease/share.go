package lease

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// settleFor is how long nobody must have come or gone before a lease is handed on: those who start one after the other do not
	// take from each other meanwhile.
	settleFor = 5 * time.Second
	// spareAfter is how long a lease has been nobody's when one takes it who has its part already.
	spareAfter = 5 * time.Second
	// pauseAfter is how long one leaves alone what it has failed at, for another to try. It is twice as long each time it fails again,
	// up to pauseMost, until it has worked for soundAfter.
	pauseAfter = 4 * time.Second
	pauseMost  = 4 * pauseAfter
	soundAfter = time.Minute
	// keepFor is how long nothing is handed on after something was that nobody could work on, unless somebody comes or goes.
	keepFor = 10 * time.Minute
)

// Attendance says who is there, and asks about leases.
type Attendance struct {
	// Assembly is that of all who share the leases, Member who this is.
	Assembly, Member string
	Leases           []string
}

// Present is who is there.
type Present struct {
	// Members are all of the assembly, in order, the one who asks among them.
	Members []string
	// Holders have the leases that have not run out, by their names.
	Holders map[string]string
}

// Roll is a Source that knows who is there to take leases.
type Roll interface {
	Source
	// Attend notes that a member is there for d from now on, or is not any more where d is 0, and tells who is.
	Attend(ctx context.Context, a Attendance, d time.Duration) (Present, error)
}

// Share has the processes of an assembly share several leases: each takes as many as there are for each, and those that nobody else
// takes. One who has two more than another hands one on.
type Share struct {
	Roll Roll
	// Attendance is this process's; the leases are told apart by their place in it. The member is their holder.
	Attendance
	// Place is where this process is, for people.
	Place  string
	Logger *slog.Logger
	// Work does what may be done with a lease, until its context ends: when it is lost, is to be handed on, or the process ends. When it
	// returns the lease is given back.
	Work func(ctx context.Context, i int, l *Lease) error

	parts []part
	ended chan outcome
	work  sync.WaitGroup
	// members are those of the last look, and since when.
	members []string
	since   time.Time
	// keeps is until when nothing is handed on, because what was handed on had to be taken back.
	keeps time.Time
	// rejoin is until when others may renew what they have, after the Roll was away: everything has run out, and who works on what is not
	// to change for that.
	rejoin time.Time
}

// part is one lease of several as this process sees it.
type part struct {
	// end ends the work on it; nil while there is none.
	end context.CancelFunc
	// handing tells that the work was ended for somebody else to take it, handed that it was handed on since somebody came or went.
	handing, handed bool
	// free is since when nobody has it; zero when somebody has.
	free time.Time
	// after is before when it is not tried again, pause how long that was the last time, began when it was last taken here.
	after time.Time
	pause time.Duration
	began time.Time
}

// outcome is what Work has returned.
type outcome struct {
	i   int
	err error
}

// Run shares until ctx ends and all work has. While the Roll is away everybody goes on with what they have.
func (s *Share) Run(ctx context.Context) {
	s.parts, s.ended = make([]part, len(s.Leases)), make(chan outcome, len(s.Leases))
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		now, err := s.Roll.Attend(ctx, s.Attendance, Term)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			if failing {
				s.rejoin = time.Now().Add(rejoinFor)
			}
			s.look(ctx, now)
		case !failing:
			s.Logger.Warn("who else is there is not known; the work goes on as it was shared", "error", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
		case o := <-s.ended:
			s.end(ctx, o)
		case <-ctx.Done():
		}
	}
	// Others begin as soon as each lease is given back.
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), endFor)
	defer cancel()
	if _, err := s.Roll.Attend(leave, s.Attendance, 0); err != nil {
		s.Logger.Warn("others learn only in a while that this process ends", "after", Term, "error", err)
	}
	s.work.Wait()
}

// end notes that the work on a part has ended.
func (s *Share) end(ctx context.Context, o outcome) {
	p := &s.parts[o.i]
	p.end, p.handing = nil, false
	if o.err == nil || time.Since(p.began) >= soundAfter {
		p.pause = 0
	}
	if ctx.Err() == nil && o.err != nil {
		p.pause = min(max(2*p.pause, pauseAfter), pauseMost)
		p.after = time.Now().Add(p.pause)
		s.Logger.Error("the work under a lease has ended", "lease", s.Leases[o.i], "error", o.err)
	}
}

// look takes what is this process's to take, and hands on what is too much.
func (s *Share) look(ctx context.Context, now Present) {
	if !slices.Equal(now.Members, s.members) {
		s.members, s.since, s.keeps = now.Members, time.Now(), time.Time{}
		for i := range s.parts {
			s.parts[i].handed = false
		}
	}
	mine, free := 0, false
	for i := range s.parts {
		p := &s.parts[i]
		_, held := now.Holders[s.Leases[i]]
		switch {
		case p.end != nil:
			mine++
			p.free = time.Time{}
		case held:
			p.free = time.Time{}
		default:
			free = true
			if p.free.IsZero() {
				p.free = time.Now()
			}
		}
	}
	for i := range s.parts {
		if p := &s.parts[i]; p.end == nil && s.wants(p, now.Holders[s.Leases[i]], mine) && s.take(ctx, i) {
			mine++
		}
	}
	if !free && time.Now().After(s.keeps) && time.Since(s.since) >= settleFor && s.most(now) {
		s.hand()
	}
}

// each is how many leases there are for each member, rounded up.
func (s *Share) each() int {
	n := max(len(s.members), 1)
	return (len(s.Leases) + n - 1) / n
}

// wants tells whether a lease that is not worked on here is to be taken. One that is this process's own is of before it was started
// anew, and nobody else can take it.
func (s *Share) wants(p *part, holder string, mine int) bool {
	switch {
	case time.Now().Before(p.after):
		return false
	case holder == s.Member:
		return true
	case holder != "" || time.Now().Before(s.rejoin):
		return false
	case mine < s.each():
		return true
	}
	if time.Since(p.free) < spareAfter {
		return false
	}
	if p.handed {
		s.keeps = time.Now().Add(keepFor)
	}
	return true
}

// take takes a lease and begins to work, unless somebody was faster.
func (s *Share) take(ctx context.Context, i int) bool {
	r := Request{Name: s.Leases[i], Holder: s.Member, Place: s.Place}
	g, err := s.Roll.TakeLease(ctx, r, Term)
	if err != nil || g.Term == 0 {
		return false // It is asked again soon.
	}
	l := begin(ctx, s.Roll, r, g, s.Logger)
	working, end := context.WithCancelCause(ctx)
	p := &s.parts[i]
	p.end, p.handed, p.began = func() { end(nil) }, false, time.Now()
	s.work.Go(func() {
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			select {
			case <-l.Lost():
				end(ErrLost)
			case <-working.Done():
			}
		}()
		err := s.Work(working, i, l)
		if errors.Is(context.Cause(working), ErrLost) {
			err = ErrLost
		}
		end(nil)
		<-watched
		if endErr := l.End(context.WithoutCancel(ctx)); endErr != nil && ctx.Err() == nil {
			s.Logger.Warn("another process can take over only in a while", "lease", r.Name, "after", Term, "error", endErr)
		}
		s.ended <- outcome{i, err}
	})
	return true
}

// most tells whether this process has at least two leases more than another, and is the one to hand one on.
func (s *Share) most(now Present) bool {
	has := map[string]int{}
	for _, m := range now.Members {
		has[m] = 0
	}
	for _, holder := range now.Holders {
		has[holder]++
	}
	least, first := len(s.Leases), s.Member
	for _, m := range now.Members {
		least = min(least, has[m])
		if cmp.Or(cmp.Compare(has[m], has[first]), cmp.Compare(first, m)) > 0 {
			first = m
		}
	}
	return first == s.Member && has[first] >= least+2
}

// hand ends the work on the last part, unless one is being handed on already.
func (s *Share) hand() {
	last := -1
	for i := range s.parts {
		if s.parts[i].handing {
			return
		}
		if s.parts[i].end != nil {
			last = i
		}
	}
	if last < 0 {
		return
	}
	p := &s.parts[last]
	p.handing, p.handed = true, true
	// Another has the time to take it: one who has less looks each second.
	p.after = time.Now().Add(pauseAfter)
	s.Logger.Info("a lease is handed on to a process that has fewer", "lease", s.Leases[last])
	p.end()
}
