package rest

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
)

// adapter puts huma's operations on a ServeMux, each behind its guard.
type adapter struct {
	*http.ServeMux
	api *API
}

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != op.Method { // the mux gives HEAD to GET, and a stream without a body would never end
			w.Header().Set("Allow", op.Method)
			newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "", "this path does not take "+r.Method).write(w)
			return
		}
		c, err := a.api.guard(op, w, r)
		if err != nil {
			problemOf(r.Context(), a.api.opts.Logger, err).write(w)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		c.r = r
		handler(humaContext{humago.NewContext(op, r, w)})
	})
}

// humaContext answers invalid input with the status that the rest of the server uses.
type humaContext struct{ inner }

type inner huma.Context

func (c humaContext) SetStatus(status int) { c.inner.SetStatus(refusal(status)) }

// call is what the guard found out about a request.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	secret string
	who    project.Identity
	// project is the one the request is about: the key's own, the one an admin key picked, or that of a public link.
	project project.Project
}

type callKey struct{}

// actor names the caller in the audit trail.
func (c *call) actor() string { return actorOf(c.who) }

// guard checks everything that does not depend on what the route does: parameters, key, kind of key, project.
func (a *API) guard(op *huma.Operation, w http.ResponseWriter, r *http.Request) (*call, error) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if err := a.opts.Roles.elsewhere(op); err != nil {
		return nil, err
	}
	c := &call{w: w, r: r}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, event.Errorf(event.Invalid, "malformed_query", "the query string is not correctly encoded")
	}
	if name := keyParameter(query); name != "" {
		return nil, &event.Error{
			Kind: event.Unauthorized, Code: "key_in_url", Field: name,
			Message: "a key in an address ends up in logs and histories: send it as Authorization: Bearer, and revoke this one",
		}
	}
	need := policyOf(op)
	if need != public {
		if err := a.authenticate(c, need); err != nil {
			return nil, err
		}
	}
	if err := checkParameters(op, query); err != nil || need == public {
		return c, err
	}
	if err := a.pickProject(c, query); err != nil {
		return nil, err
	}
	return c, nil
}

// checkParameters refuses what the route does not know and what is given twice, because either means that the client
// asks for something else than it will get.
func checkParameters(op *huma.Operation, query url.Values) error {
	for name, values := range query {
		known := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		if !known {
			return &event.Error{Kind: event.Invalid, Code: "unknown_parameter", Field: name, Message: "there is no such parameter here"}
		}
		if len(values) > 1 {
			return &event.Error{Kind: event.Invalid, Code: "duplicate_parameter", Field: name, Message: "the parameter is given more than once"}
		}
	}
	return nil
}

// handle registers a route: its documentation, its policy and what it does. Errors of any kind become problems.
func handle[I, O any](a *API, op huma.Operation, need policy, f func(context.Context, *call, *I) (*O, error)) {
	document(a, &op, need)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		c := ctx.Value(callKey{}).(*call)
		out, err := f(ctx, c, in)
		if err != nil {
			return nil, problemOf(ctx, a.opts.Logger, err)
		}
		return out, nil
	})
}
