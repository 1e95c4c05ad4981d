package project

import (
	"errors"
	"fmt"
)

// ErrorKind sorts errors by what the caller can do about them.
type ErrorKind uint8

// The kinds of errors.
const (
	// Invalid: the input is wrong and will stay wrong.
	Invalid ErrorKind = iota + 1
	// NotFound: there is no such project, key, insight, cohort, dashboard or link.
	NotFound
	// Conflict: the change contradicts what is already there.
	Conflict
	// Outdated: the change is to a version that is no longer the present one.
	Outdated
	// Unauthorized: the key opens nothing.
	Unauthorized
	// Unavailable: the store did not do its work; the same call may succeed later.
	Unavailable
)

// ErrUnusable is wrapped by the errors of a control plane that will not do by waiting: a newer version has made it in a way that
// this one cannot use, or it is another one than this server had.
var ErrUnusable = errors.New("the control plane cannot be used")

// Error is the only type of error that the Service returns, but for Close.
type Error struct {
	Kind ErrorKind
	// Code is a stable snake_case word for programs, such as "name_taken".
	Code string
	// Field is the setting that is wrong, as it is called in JSON; empty when it is none.
	Field string
	// Message says what is wrong, with the value and the limit.
	Message string
	// Err is the cause, for the log; clients do not see it.
	Err error
}

func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// NoSuchProject is the error for a project that does not exist.
func NoSuchProject(id ID) *Error {
	return &Error{Kind: NotFound, Code: "no_such_project", Message: fmt.Sprintf("there is no project %d", id)}
}

// NoSuchKey is the error for a key that does not exist.
func NoSuchKey(id uint64) *Error {
	return &Error{Kind: NotFound, Code: "no_such_key", Message: fmt.Sprintf("there is no key %d", id)}
}

// NameTaken is the error for a name that another project has.
func NameTaken(name string) *Error {
	return &Error{Kind: Conflict, Code: "name_taken", Field: "name", Message: fmt.Sprintf("another project is called %q", name)}
}

// NoSuchInsight is the error for an insight that does not exist in the project.
func NoSuchInsight(id string) *Error {
	return &Error{Kind: NotFound, Code: "no_such_insight", Message: "there is no insight " + quote(id)}
}

// InsightChanged is the error for a change to a version of an insight that is no longer the present one.
func InsightChanged(id string) *Error {
	return &Error{
		Kind: Outdated, Code: "insight_changed", Message: fmt.Sprintf("insight %s was changed in the meantime; read it again", quote(id)),
	}
}

// TooManyInsights is the error for an insight more than a project may have.
func TooManyInsights(limit int) *Error {
	return &Error{Kind: Conflict, Code: "too_many_insights", Message: fmt.Sprintf("the project has %d insights, which is the limit; delete one", limit)}
}

// NoSuchCohort is the error for a cohort that does not exist in the project.
func NoSuchCohort(named string) *Error {
	return &Error{Kind: NotFound, Code: "no_such_cohort", Message: "there is no cohort " + quote(named)}
}

// CohortNameTaken is the error for a name that another cohort of the project has.
func CohortNameTaken(name string) *Error {
	return &Error{Kind: Conflict, Code: "name_taken", Field: "name", Message: fmt.Sprintf("another cohort is called %q", name)}
}

// CohortChanged is the error for a change to a version of a cohort that is no longer the present one.
func CohortChanged(named string) *Error {
	return &Error{
		Kind: Outdated, Code: "cohort_changed", Message: fmt.Sprintf("cohort %s was changed in the meantime; read it again", quote(named)),
	}
}

// CohortInUse is the error for a cohort that another one is made of.
func CohortInUse(id, by uint64) *Error {
	return &Error{
		Kind: Conflict, Code: "cohort_in_use", Message: fmt.Sprintf("cohort %d is made of cohort %d; change or delete that one first", by, id),
	}
}

// TooManyCohorts is the error for a cohort more than a project may have.
func TooManyCohorts(limit int) *Error {
	return &Error{Kind: Conflict, Code: "too_many_cohorts", Message: fmt.Sprintf("the project has %d cohorts, which is the limit; delete one", limit)}
}

// NoSuchDashboard is the error for a dashboard that does not exist in the project.
func NoSuchDashboard(id string) *Error {
	return &Error{Kind: NotFound, Code: "no_such_dashboard", Message: "there is no dashboard " + quote(id)}
}

// DashboardChanged is the error for a change to a version of a dashboard that is no longer the present one.
func DashboardChanged(id string) *Error {
	return &Error{
		Kind: Outdated, Code: "dashboard_changed", Message: fmt.Sprintf("dashboard %s was changed in the meantime; read it again", quote(id)),
	}
}

// TooManyDashboards is the error for a dashboard more than a project may have.
func TooManyDashboards(limit int) *Error {
	return &Error{Kind: Conflict, Code: "too_many_dashboards", Message: fmt.Sprintf("the project has %d dashboards, which is the limit; delete one", limit)}
}

// NoteChanged is the error for a change to a version of a note that is no longer the present one.
func NoteChanged(about Subject) *Error {
	return &Error{
		Kind: Outdated, Code: "note_changed",
		Message: fmt.Sprintf("what is said of the %s %s was changed in the meantime; read it again", about.Kind, quote(about.Name)),
	}
}

// TooManyNotes is the error for a note more than a project may have.
func TooManyNotes(limit int) *Error {
	return &Error{
		Kind: Conflict, Code: "too_many_notes",
		Message: fmt.Sprintf("%d events and properties of the project are described, which is the limit; empty a note", limit),
	}
}

// PlanChanged is the error for a change to a version of a tracking plan that is no longer the present one.
func PlanChanged() *Error {
	return &Error{Kind: Outdated, Code: "plan_changed", Message: "the tracking plan was changed in the meantime; read it again"}
}

// NoSuchLink is the error for a public link that opens nothing.
func NoSuchLink() *Error {
	return &Error{Kind: NotFound, Code: "no_such_link", Message: "this link opens nothing: it is not complete, or it was revoked"}
}

func invalid(code, field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// storeError keeps what the store says in the words of this package and takes everything else for a passing fault.
func storeError(act string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{
		Kind:    Unavailable,
		Code:    "control_plane_unavailable",
		Message: "the control plane does not answer at the moment; try again later",
		Err:     fmt.Errorf("%s: %w", act, err),
	}
}
