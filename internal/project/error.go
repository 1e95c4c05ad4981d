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
	// NotFound: there is no such project or key.
	NotFound
	// Conflict: the change contradicts what is already there.
	Conflict
	// Unauthorized: the key opens nothing.
	Unauthorized
	// Unavailable: the store did not do its work; the same call may succeed later.
	Unavailable
)

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
		Message: "the control plane cannot be changed at the moment",
		Err:     fmt.Errorf("%s: %w", act, err),
	}
}
