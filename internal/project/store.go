package project

import (
	"context"
	"io"
	"time"
)

// Hash is the SHA-256 of a secret, the only form in which one is kept.
type Hash [32]byte

// StoredKey is a key and the hash it is found by.
type StoredKey struct {
	Key
	Hash Hash
}

// Store keeps the control plane. Adapters live in the folders below and pass the suite in projecttest.
//
// A method that returned nil has made its change durable, with the audit entry in the same transaction; one that
// returned an error has changed nothing, unless the context ended or the connection broke while it committed. Errors
// that the caller can act on are *Error; every other error is a fault. Times are kept to the microsecond, in UTC.
// Methods may be called concurrently.
type Store interface {
	Projects
	Keys
	Insights
	Cohorts
	Dashboards
	Notes
	Plans
	io.Closer
}

// Shared is a Store that other processes change too, and that may be away.
type Shared interface {
	Store
	// Version is another number after each change but those of times of use, whoever made it. Read before something, it tells
	// later whether that has changed since.
	Version(ctx context.Context) (uint64, error)
}

// Projects keeps projects, and the audit of all changes.
type Projects interface {
	// Projects returns all projects by number.
	Projects(ctx context.Context) ([]Project, error)
	// CreateProject keeps p under a number never used before, and the entry that audit makes of that number.
	// A name that exists is NameTaken.
	CreateProject(ctx context.Context, p Project, audit func(ID) AuditEntry) (ID, error)
	// UpdateProject replaces the settings of p.ID; its CreatedAt stays, and Spent unless EventsPerMonth is another. NoSuchProject, NameTaken.
	UpdateProject(ctx context.Context, p Project, audit AuditEntry) error
	// Spend sets Spent of a project whose EventsPerMonth is of; false, and no entry, when there is none such.
	Spend(ctx context.Context, id ID, month Month, of int, audit AuditEntry) (done bool, err error)
	// Audit returns at most limit entries with an ID below before, or the newest if before is 0; newest first.
	Audit(ctx context.Context, before uint64, limit int) ([]AuditEntry, error)
	// AddAudit keeps an entry of something that was done elsewhere.
	AddAudit(ctx context.Context, entry AuditEntry) error
}

// Keys keeps keys, revoked ones included.
type Keys interface {
	// Keys returns all keys of all projects by number.
	Keys(ctx context.Context) ([]StoredKey, error)
	// CreateKey keeps k under a number never used before, and the entry that audit makes of that number.
	// NoSuchProject; a hash that exists is a fault.
	CreateKey(ctx context.Context, k StoredKey, audit func(id uint64) AuditEntry) (uint64, error)
	// RevokeKey sets when the key was revoked. A key that is revoked keeps its time, and audit is dropped. NoSuchKey.
	RevokeKey(ctx context.Context, id uint64, at time.Time, audit AuditEntry) error
	// TouchKeys sets when keys were last used, unless a later time is kept. Numbers that do not exist are left out.
	TouchKeys(ctx context.Context, used map[uint64]time.Time) error
}

// Insights keeps saved questions.
type Insights interface {
	// Insights returns those of a project by name, those of one name by ID, without their questions.
	Insights(ctx context.Context, p ID) ([]Insight, error)
	// Insight returns one. NoSuchInsight, also for one of another project.
	Insight(ctx context.Context, p ID, id string) (Insight, error)
	// CreateInsight keeps i, unless the project has limit insights already, which is TooManyInsights. NoSuchProject; an
	// ID that exists is a fault.
	CreateInsight(ctx context.Context, i Insight, limit int, audit AuditEntry) error
	// UpdateInsight replaces the insight i.ID of i.Project, but for its CreatedAt, if its version is the one before
	// i.Version, otherwise it is InsightChanged. NoSuchInsight.
	UpdateInsight(ctx context.Context, i Insight, audit AuditEntry) error
	// DeleteInsight removes the insight if it has the version. NoSuchInsight, InsightChanged.
	DeleteInsight(ctx context.Context, p ID, id string, version uint64, audit AuditEntry) error
}

// Cohorts keeps groups of people.
type Cohorts interface {
	// Cohorts returns those of a project by name, without their definitions.
	Cohorts(ctx context.Context, p ID) ([]Cohort, error)
	// Cohort returns the one with a number or, where it is no number, a name. NoSuchCohort, also for one of another project.
	Cohort(ctx context.Context, p ID, named string) (Cohort, error)
	// FrozenPeople returns the people that a cohort was last given, none for one that is not static. NoSuchCohort.
	FrozenPeople(ctx context.Context, p ID, id uint64) ([]uint64, error)
	// CreateCohort keeps c and its people under a number never used before, unless the project has limit cohorts already,
	// which is TooManyCohorts. NoSuchProject, CohortNameTaken; a cohort that it uses and that is not there is NoSuchCohort.
	CreateCohort(ctx context.Context, c Cohort, people []uint64, limit int, audit func(id uint64) AuditEntry) (uint64, error)
	// UpdateCohort replaces the cohort c.ID of c.Project, but for its CreatedAt and Static, if its version is the one before
	// c.Version, otherwise it is CohortChanged; people stay when they are nil. NoSuchCohort, also for one that it uses,
	// CohortNameTaken.
	UpdateCohort(ctx context.Context, c Cohort, people []uint64, audit AuditEntry) error
	// DeleteCohort removes the cohort and its people if it has the version. NoSuchCohort, CohortChanged; one that others use
	// is CohortInUse.
	DeleteCohort(ctx context.Context, p ID, id, version uint64, audit AuditEntry) error
}

// Dashboards keeps arrangements of questions.
type Dashboards interface {
	// Dashboards returns those of a project by name, those of one name by ID, without their tiles.
	Dashboards(ctx context.Context, p ID) ([]Dashboard, error)
	// Dashboard returns one. NoSuchDashboard, also for one of another project.
	Dashboard(ctx context.Context, p ID, id string) (Dashboard, error)
	// SharedDashboard returns the one whose link has the hash. NoSuchLink.
	SharedDashboard(ctx context.Context, link Hash) (Dashboard, error)
	// CreateDashboard keeps d, unless the project has limit dashboards already, which is TooManyDashboards. NoSuchProject; an
	// ID that exists is a fault.
	CreateDashboard(ctx context.Context, d Dashboard, limit int, audit AuditEntry) error
	// UpdateDashboard replaces the dashboard d.ID of d.Project, its link too, but for its CreatedAt, if its version is the
	// one before d.Version, otherwise it is DashboardChanged. NoSuchDashboard.
	UpdateDashboard(ctx context.Context, d Dashboard, audit AuditEntry) error
	// DeleteDashboard removes the dashboard if it has the version. NoSuchDashboard, DashboardChanged.
	DeleteDashboard(ctx context.Context, p ID, id string, version uint64, audit AuditEntry) error
}

// Notes keeps what is said of events and properties.
type Notes interface {
	// Notes returns those of a project, without empty ones; those of events first, and by name in the order of its bytes.
	Notes(ctx context.Context, p ID) ([]Note, error)
	// Note returns the one about a subject; one of version 0 that says nothing when nothing was ever said.
	Note(ctx context.Context, p ID, about Subject) (Note, error)
	// SetNote keeps n in place of the one about the same subject, if that has the version before n.Version, otherwise it is
	// NoteChanged. A note more when the project has limit that are not empty is TooManyNotes. NoSuchProject.
	SetNote(ctx context.Context, n Note, limit int, audit AuditEntry) error
}

// Plans keeps the tracking plans of projects, one each.
type Plans interface {
	// Plan returns the one of a project; one of version 0 without a document when there never was one.
	Plan(ctx context.Context, p ID) (Plan, error)
	// SetPlan keeps p in place of the one there is, if that has the version before p.Version, otherwise it is PlanChanged.
	// NoSuchProject.
	SetPlan(ctx context.Context, p Plan, audit AuditEntry) error
}
