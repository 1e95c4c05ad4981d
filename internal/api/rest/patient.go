package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/store"
)

// work is what is left of a request after it was checked: the part that may take a while.
type work[T any] func(ctx context.Context) (*T, error)

// patient registers a route of read keys whose answer may take a while. begin reads and checks the request, and returns the work, which is
// bounded by maxTimeout and by the client's patience. With Accept: text/event-stream its progress is told before the same answer.
func patient[I, T any](a *API, op huma.Operation, begin func(context.Context, *call, *I) (work[T], error)) {
	op.Responses = answers(http.StatusText(http.StatusOK), map[string]*huma.MediaType{
		"application/json": {Schema: a.schema(reflect.TypeFor[T]())}, "text/event-stream": a.progressStream(),
	})
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "Accept", In: "header", Description: "application/json, or text/event-stream to be told the progress, too; the work ends when the client leaves.",
		Schema: &huma.Schema{Type: huma.TypeString},
	})
	op.Errors = append(op.Errors, http.StatusTooManyRequests, http.StatusGatewayTimeout)
	handle(a, op, read, func(ctx context.Context, c *call, in *I) (*huma.StreamResponse, error) {
		c.w.Header().Set("Vary", "Accept")
		do, err := begin(ctx, c, in)
		if err != nil {
			return nil, err
		}
		made := func(ctx context.Context) ([]byte, error) {
			ctx, cancel := context.WithTimeout(ctx, maxTimeout)
			defer cancel()
			answer, err := do(ctx)
			if err != nil {
				return nil, err
			}
			return line(answer)
		}
		if preferred(c.r.Header.Get("Accept"), asJSON, asEvents) == asEvents {
			return &huma.StreamResponse{Body: func(hc huma.Context) { a.tell(hc.Context(), c, made) }}, nil
		}
		answer, err := made(ctx)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(huma.Context) {
			head := c.w.Header()
			head.Set("Content-Type", "application/json")
			head.Set("Content-Length", strconv.Itoa(len(answer)+1))
			_, _ = c.w.Write(append(answer, '\n')) // the reader may be gone; there is nobody to tell
		}}, nil
	})
}

// waiting is work that waits until what it is to count can be seen, and has as long as the request allows.
func waiting[T any](a *API, p store.ProjectID, in *WaitParameters, do work[T]) (work[T], error) {
	if _, err := in.timeout(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*T, error) {
		ctx, cancel, err := a.wait(ctx, p, in)
		if err != nil {
			return nil, err
		}
		defer cancel()
		return do(ctx)
	}, nil
}

// line is an answer as JSON in one line, as the other routes write it.
func line(answer any) ([]byte, error) {
	var buf bytes.Buffer
	out := json.NewEncoder(&buf)
	out.SetEscapeHTML(false)
	if err := out.Encode(answer); err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
