package app

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/duckdb"
)

const (
	upkeepEvery = time.Minute
	expireEvery = time.Hour
)

// upkeep trims the log and removes expired days, as soon as the store is open, from then on regularly, and when the disk is
// full, until ctx ends.
func (a *way) upkeep(ctx context.Context) {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	var expired time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.pipeline.opened:
			expired = time.Time{} // What broke the store may have broken it off.
		case <-a.ballast.gone:
			expired = time.Time{}
		case <-tick.C:
		}
		a.trim()
		if s := a.pipeline.current.Load(); s != nil && time.Since(expired) > expireEvery {
			expired = time.Now()
			a.expire(ctx, s.store)
		}
	}
}

// trim gives up what the log need not keep: what is in the store, in the dedup index and in the archive, and old enough.
func (a *way) trim() {
	before := min(a.pipeline.keepFrom(), a.log.WrittenBefore(time.Now().Add(-a.Config.Log.Keep)))
	if a.archive != nil && !fault.Planted(fault.TrimUnarchived) {
		before = min(before, a.archive.Position())
	}
	if a.archive == nil && a.Config.Store.Address != "" && kept(a.Config.Data) {
		// Without an archive only the log has what the store of before would catch up with.
		at, err := duckdb.LastPosition(a.Config.Data)
		if err != nil {
			a.Logger.Error("trim the event log", "error", err)
			return
		}
		before = min(before, at)
	}
	if err := a.log.Trim(before); err != nil {
		a.Logger.Error("trim the event log", "before", uint64(before), "error", err)
	}
}

// expire removes the days that projects do not keep, and old dead letters.
func (a *way) expire(ctx context.Context, eraser store.Eraser) {
	a.expireDeadLetters(ctx, eraser)
	for _, p := range a.projects.Projects() {
		if p.RetentionDays <= 0 || p.Lane != a.number {
			continue
		}
		day := localDay(time.Now(), p.Location()) - int64(p.RetentionDays)
		n, err := eraser.Expire(ctx, store.ProjectID(p.ID), day)
		switch {
		case err != nil && ctx.Err() == nil:
			a.Logger.Error("remove expired days", "project", p.ID, "before_day", day, "error", err)
		case n > 0:
			a.Logger.Info("expired days removed", "project", p.ID, "before_day", day, "events", n)
		}
		a.expireArchive(ctx, p.ID, day)
	}
}

func (a *way) expireDeadLetters(ctx context.Context, eraser store.Eraser) {
	if a.Config.Store.DeadLetters == 0 {
		return
	}
	n, err := eraser.ExpireDeadLetters(ctx, time.Now().Add(-a.Config.Store.DeadLetters).UnixMicro())
	switch {
	case err != nil && ctx.Err() == nil:
		a.Logger.Error("remove old dead letters", "error", err)
	case n > 0:
		a.Logger.Info("old dead letters removed", "letters", n)
	}
}

// expireArchive removes what came so long before a day of a project that no event of it is of that day or later: its clock
// may be a day ahead, and its zone another.
func (a *way) expireArchive(ctx context.Context, p uint32, day int64) {
	if a.archive == nil {
		return
	}
	const ahead = 2
	n, err := archive.Expire(ctx, a.bucket, p, day-ahead)
	switch {
	case err != nil && ctx.Err() == nil:
		a.Logger.Error("remove expired days of the archive", "project", p, "before_day", day-ahead, "error", err)
	case n > 0:
		a.Logger.Info("expired days of the archive removed", "project", p, "before_day", day-ahead, "files", n)
	}
}

// localDay is the number of days since 1970-01-01 of t in a zone.
func localDay(t time.Time, loc *time.Location) int64 {
	y, m, d := t.In(loc).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
