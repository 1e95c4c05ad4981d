package rest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
)

// maxEcho bounds how much of a request may come back in a problem.
const maxEcho = 256

// Problem is the one form of every error (RFC 9457).
type Problem struct { //nolint:errname // the name that the RFC gives it
	Type   string `json:"type" doc:"Always about:blank: what sort of problem it is stands in code." example:"about:blank"`
	Title  string `json:"title" doc:"The name of the HTTP status." example:"Bad Request"`
	Status int    `json:"status" doc:"The HTTP status." example:"400"`
	Code   string `json:"code" doc:"A stable word for programs, in snake_case." example:"unknown_field"`
	Detail string `json:"detail" doc:"What is wrong, with the value and the limit, for people." example:"there is no field \"agregate\" here"`
	Field  string `json:"field,omitempty" doc:"The offending part of the request: a parameter or a dotted path in the body." example:"series[0].agregate"`

	wait time.Duration
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	p.setHeaders(h)
	return h
}

func (p *Problem) setHeaders(h http.Header) {
	if p.wait > 0 {
		// The jitter keeps clients that were refused together from coming back together.
		wait := p.wait + time.Duration(rand.Int64N(int64(p.wait)/2+1))
		h.Set("Retry-After", strconv.Itoa(max(1, int(wait/time.Second))))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="freshet"`)
	}
}

// write answers with the problem, outside of huma.
func (p *Problem) write(w http.ResponseWriter) {
	p.setHeaders(w.Header())
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(p)
}

func newProblem(status int, code, field, detail string) *Problem {
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: safe(detail), Field: safe(field),
	}
}

// keyPattern finds keys and the secrets of links, so that none ever comes back or gets into a log through a message.
var keyPattern = regexp.MustCompile(`\b(f[wrad]_)[0-9A-Za-z]{8,}`)

func safe(s string) string {
	s = keyPattern.ReplaceAllString(s, "${1}…")
	if len(s) <= maxEcho {
		return s
	}
	s = s[:maxEcho-len("…")]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// problemOf turns an error into what the client may see, and logs what it may not.
func problemOf(ctx context.Context, logger *slog.Logger, err error) *Problem {
	var p *Problem
	var e *event.Error
	var pe *project.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &pe) && pe.Kind == project.Outdated:
		return newProblem(http.StatusPreconditionFailed, pe.Code, pe.Field, pe.Message)
	case errors.As(err, &pe):
		e = &event.Error{Kind: kindOf(pe.Kind), Code: pe.Code, Field: pe.Field, Message: pe.Message, Err: pe.Err}
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = &event.Error{Kind: event.Timeout, Code: "timeout", Message: "the answer took longer than the timeout allows"}
	case errors.Is(err, context.Canceled):
		e = &event.Error{Kind: event.Unavailable, Code: "canceled", Message: "the request was given up", Wait: time.Second}
	default:
		e = &event.Error{Code: "internal", Message: "the request could not be served; the log has the request id", Err: err}
	}
	p = newProblem(e.Kind.Status(), e.Code, e.Field, e.Message)
	switch e.Kind {
	case event.Internal, event.Corrupt:
		logger.ErrorContext(ctx, "request failed", "code", e.Code, "error", err)
	case event.Overloaded, event.Unavailable:
		p.wait = max(e.Wait, time.Second)
		if e.Err != nil {
			logger.WarnContext(ctx, "request refused", "code", e.Code, "error", err)
		}
	default: // The client's own mistakes are the client's to know.
	}
	return p
}

func kindOf(k project.ErrorKind) event.ErrorKind {
	switch k {
	case project.Invalid:
		return event.Invalid
	case project.NotFound:
		return event.NotFound
	case project.Conflict:
		return event.Conflict
	case project.Unauthorized:
		return event.Unauthorized
	case project.Unavailable:
		return event.Unavailable
	default:
		return event.Internal
	}
}

// translate is the huma.Transformer that gives huma's own errors the one form.
func translate(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(refusal(m.Status), "invalid_request", "", m.Detail)
	if len(m.Errors) > 0 {
		d := m.Errors[0]
		p.Code, p.Detail = "invalid_parameter", safe(d.Message)
		_, name, _ := strings.Cut(d.Location, ".")
		p.Field = safe(name)
	}
	return p, nil
}

// refusal is the status of what huma refuses: an input that is wrong is 400 here, whichever way it is wrong.
func refusal(status int) int {
	if status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return status
}
