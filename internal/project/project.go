// Package project is the control plane: which projects there are, how each cuts its days and sessions, which keys
// open them, which questions were saved and how they are arranged, what is said of events and properties, and who
// changed what.
//
// [Service] answers every read of projects and keys out of memory, so that the write path never waits for a database and goes on working
// while that database is away. A change goes through the [Store] first, together with its audit entry, and only
// then becomes visible; a revoked key is refused by this process from the moment RevokeKey returns.
//
// Secrets are kept as SHA-256 only. What a key may do, and how errors look on the wire, is for the caller to decide.
package project

import (
	"time"
	_ "time/tzdata" // time zones must load on images that have no zone files
)

// ID is the number of a project. Numbers begin at 1 and are never used again.
type ID = uint32

// Names of the first day of the week, as in [Project.WeekStart].
const (
	Monday = "monday"
	Sunday = "sunday"
)

// Project is one app, or family of apps, whose events are kept and asked about together.
type Project struct {
	ID ID `json:"id"`
	// Name has 1 to 100 characters and is unique.
	Name string `json:"name"`
	// Timezone is the IANA zone in which days and weeks are cut; default UTC.
	Timezone string `json:"timezone"`
	// WeekStart is Monday or Sunday; default Monday.
	WeekStart string `json:"week_start"`
	// RetentionDays is how long events are kept, at most 36500; 0, the default, is for ever.
	RetentionDays int `json:"retention_days"`
	// SessionGapMinutes is the silence that ends a session, 1 to 1440; default 30.
	SessionGapMinutes int `json:"session_gap_minutes"`
	// EventsPerSecond is how many events the project may send, on average, at most 10 million; 0, the default, leaves it to
	// the server's setting.
	EventsPerSecond int `json:"events_per_second"`
	// EventsPerMonth is how many events of the project are stored in a month of UTC, about, at most 1e12; further ones are refused. 0, the
	// default, is as many as come.
	EventsPerMonth int `json:"events_per_month"`
	// Spent is the last month of which so many were stored, 0 for none. A change of EventsPerMonth forgets it.
	Spent Month `json:"spent,omitempty"`
	// Lane is the path from the log to the store that the project's events go, for ever; 0 is the first.
	Lane      int       `json:"lane,omitempty"`
	CreatedAt time.Time `json:"created_at"`

	zone *time.Location
}

// FullUntil is when events are taken again because a new month begins; false when they are.
func (p Project) FullUntil(now time.Time) (time.Time, bool) {
	m := MonthOf(now)
	return (m + 1).Begin(), p.Spent == m
}

// Location is the zone named by Timezone; UTC when there is no such zone, which the Service never lets in.
func (p Project) Location() *time.Location {
	if p.zone != nil {
		return p.zone
	}
	zone, err := loadZone(p.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// FirstWeekday is WeekStart as a weekday.
func (p Project) FirstWeekday() time.Weekday {
	if p.WeekStart == Sunday {
		return time.Sunday
	}
	return time.Monday
}

// SessionGap is SessionGapMinutes as a duration.
func (p Project) SessionGap() time.Duration {
	return time.Duration(p.SessionGapMinutes) * time.Minute
}

// Change names the settings to set; nil leaves a setting as it is, or at its default in a new project.
type Change struct {
	Name              *string
	Timezone          *string
	WeekStart         *string
	RetentionDays     *int
	SessionGapMinutes *int
	EventsPerSecond   *int
	EventsPerMonth    *int
}

// AuditEntry records one change of the control plane. It holds no secrets.
type AuditEntry struct {
	ID uint64    `json:"id"`
	At time.Time `json:"at"`
	// Actor is who did it, such as "key 3 (admin)" or "system".
	Actor string `json:"actor"`
	// Action is what was done: project.create, project.update, project.spend, key.create, key.revoke, and create, update or delete of an
	// insight, a cohort or a dashboard, share or unshare of a dashboard, note.update and
	// plan.update.
	Action string `json:"action"`
	// Project is the one that was changed.
	Project ID `json:"project"`
	// Detail says in words what is different now.
	Detail string `json:"detail"`
}
