package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/store"
)

// kill ends servers that are taking events of a project of the drill's own, at random moments. What was acknowledged has to be
// there once in the end, and nothing of the other projects may be otherwise.
func (d *drill) kill(ctx context.Context) (string, error) {
	var err error
	if d.guest, err = app.AddGuest(ctx, d.copy.Data, "drill of "+time.Now().UTC().Format(time.RFC3339)); err != nil {
		return "", err
	}
	d.marks = &marks{guest: d.guest}
	for range d.Kills {
		s, err := d.serve(ctx, d.copy)
		if err != nil {
			return "", err
		}
		stop, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- d.marks.load(ctx, s, stop, func(error) {}) }()
		select {
		case <-time.After(time.Duration(d.random.IntN(1000)) * time.Millisecond):
		case <-ctx.Done():
		}
		s.kill()
		close(stop)
		if err := errors.Join(<-ended, ctx.Err()); err != nil {
			return "", err
		}
	}
	if d.Kills > 0 && d.marks.acked() == 0 {
		return "", errors.New("not one event was acknowledged between the kills")
	}
	return d.sent(ctx, false, d.marks.events)
}

// loseIndex removes what remembers the ids, and sends every event of the load once more: all have to be duplicates.
func (d *drill) loseIndex(ctx context.Context) (string, error) {
	if err := os.RemoveAll(filepath.Join(d.copy.Data, "dedup")); err != nil {
		return "", err
	}
	return d.sent(ctx, true, func() int64 { return 0 })
}

// sent has a server take the events that are open, or all of them, and compares: stored tells how many more have to be there.
func (d *drill) sent(ctx context.Context, all bool, stored func() int64) (string, error) {
	s, err := d.serve(ctx, d.copy)
	if err != nil {
		return "", err
	}
	if err := s.whole(ctx, d.copy.Data); err != nil {
		s.kill()
		return err.Error(), nil //nolint:nilerr // that it does not come back is what the step finds
	}
	problem, err := d.marks.missing(ctx, s)
	if err == nil && problem == "" {
		err = d.marks.settle(ctx, s, all)
	}
	if err != nil {
		s.kill()
		return "", err
	}
	if wrong := d.ended(ctx, s); problem == "" {
		problem = wrong
	}
	if problem != "" {
		return problem, nil
	}
	got, problem, err := d.verified(ctx)
	if err != nil || problem != "" {
		return problem, err
	}
	problem = d.grown(got, stored())
	d.want = got
	return problem, nil
}

// grown says what a store has otherwise than it should after events of the guest came: stored of them are new, and nothing else
// has changed.
func (d *drill) grown(got *app.VerifiedStore, stored int64) string {
	rows := int64(0)
	others := *got
	others.Days = nil
	for _, day := range got.Days {
		if day.Project == store.ProjectID(d.guest.Project) {
			rows += day.Events
		} else {
			others.Days = append(others.Days, day)
		}
	}
	if rows != d.marks.events() {
		return fmt.Sprintf("%d different events were sent, %d are there", d.marks.events(), rows)
	}
	was, is := d.want.Ledger, got.Ledger
	if is.Stored != was.Stored+stored || is.Dead != was.Dead {
		return fmt.Sprintf("%d new events were sent; the ledger was %+v and is %+v", stored, was, is)
	}
	others.Ledger = was
	others.Ledger.Expired = is.Expired
	before := *d.want
	before.Days = nil
	for _, day := range d.want.Days {
		if day.Project != store.ProjectID(d.guest.Project) {
			before.Days = append(before.Days, day)
		}
	}
	return differs(&before, &others)
}
