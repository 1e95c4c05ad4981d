package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/project"
)

// policy is the kind of key that a route needs.
type policy string

const (
	read  policy = "read"
	admin policy = "admin"
	// public routes need no key; what they show, their address has to entitle to.
	public policy = "public"
)

// policyExtension carries the policy in the OpenAPI document.
const policyExtension = "x-required-key"

func policyOf(op *huma.Operation) policy {
	p, ok := op.Extensions[policyExtension].(policy)
	if !ok {
		return admin
	}
	return p
}

// key names the keys that are good enough.
func (p policy) key() string {
	if p == read {
		return "a read or admin key"
	}
	return "an admin key"
}

// allows tells whether a key of that kind may use a route with the policy.
func (p policy) allows(k project.Kind) bool {
	return k == project.Admin || p == read && k == project.Read
}

func actorOf(who project.Identity) string {
	if who.KeyID == 0 {
		return fmt.Sprintf("lent key (%s)", who.Kind)
	}
	return fmt.Sprintf("key %d (%s)", who.KeyID, who.Kind)
}

// secretOf finds the key of a request: Bearer, or the user name of Basic.
func secretOf(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	kind, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return ""
}

// keyParameter finds a key in the query string: by the name of the parameter, or by the value's form.
func keyParameter(query url.Values) string {
	for name, values := range query {
		switch strings.ToLower(name) {
		case "key", "api_key", "apikey", "read_key", "write_key", "writekey", "token", "access_token", "authorization":
			return name
		}
		for _, v := range values {
			if m := keyPattern.FindStringIndex(v); m != nil && m[0] == 0 && m[1] == len(v) && len(v) >= 32 {
				return name
			}
		}
	}
	return ""
}

func (a *API) authenticate(c *call, need policy) error {
	c.secret = secretOf(c.r)
	if c.secret == "" {
		return event.Errorf(event.Unauthorized, "missing_key", "no key: send %s as Authorization: Bearer", need.key())
	}
	who, err := a.opts.Projects.Authenticate(c.secret)
	if err != nil {
		return err
	}
	if !need.allows(who.Kind) {
		return event.Errorf(event.Forbidden, "wrong_key_kind", "a %s key may not do this, it needs %s", who.Kind, need.key())
	}
	c.who = who
	return nil
}

// pickProject finds the project of a request. One that the key may not see is answered exactly like one that does not
// exist, so that numbers cannot be tried out.
func (a *API) pickProject(c *call, query url.Values) error {
	id := c.who.Project
	if text := query.Get("project"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return &event.Error{Kind: event.Invalid, Code: "invalid_parameter", Field: "project", Message: "the project is not a number"}
		}
		if c.who.Kind != project.Admin && project.ID(n) != id && !fault.Planted(fault.AnyProject) {
			return project.NoSuchProject(project.ID(n))
		}
		id = project.ID(n)
	}
	p, ok := a.opts.Projects.Project(id)
	if !ok {
		return project.NoSuchProject(id)
	}
	c.project = p
	return nil
}
