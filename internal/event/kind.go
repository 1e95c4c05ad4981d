package event

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrorKind sorts errors by what the caller can do about them. One place per protocol maps kinds to answers.
type ErrorKind uint8

// The kinds of errors.
const (
	// Internal is a defect or a fault nobody planned for.
	Internal ErrorKind = iota
	// Invalid: the input is wrong and will stay wrong.
	Invalid
	// Unauthorized: no key, or one that nothing is known of.
	Unauthorized
	// Forbidden: the key is known and may not do this.
	Forbidden
	// NotFound: there is no such thing, or none that the caller may see.
	NotFound
	// Conflict: the request contradicts what is already there.
	Conflict
	// TooLarge: a limit on size or number was passed.
	TooLarge
	// Overloaded: too much at once; try again after Wait.
	Overloaded
	// Unavailable: a passing condition (starting, draining, disk full); try again after Wait.
	Unavailable
	// Timeout: the work did not end within its limit.
	Timeout
	// Corrupt: stored bytes do not agree with their checksum.
	Corrupt
)

// Status is the HTTP status of the kind.
func (k ErrorKind) Status() int {
	switch k {
	case Invalid:
		return http.StatusBadRequest
	case Unauthorized:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Overloaded:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	case Timeout:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// Error is an error that a client may see.
type Error struct {
	Kind ErrorKind
	// Code is a stable snake_case word for programs, such as "too_many_events".
	Code string
	// Message says what is wrong, with the value and the limit.
	Message string
	// Field points at the offending part of the input, as a JSON pointer or a dotted path; may be empty.
	Field string
	// Wait is how long to wait before another try, for Overloaded and Unavailable; 0 when the server has no opinion.
	Wait time.Duration
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

// Errorf makes an Error with a formatted message.
func Errorf(kind ErrorKind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err: that of the first Error in its chain, otherwise Internal.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
