package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/project"
)

// KeyView is what may be known of a key after it was made. It is exported because huma does not look into embedded types
// that are not.
type KeyView struct {
	ID         uint64       `json:"id" doc:"The key's number." example:"3"`
	Project    project.ID   `json:"project" doc:"The project it belongs to." example:"1"`
	Kind       project.Kind `json:"kind" enum:"write,read,admin" doc:"write sends events, read asks questions, admin does everything."`
	Name       string       `json:"name" doc:"What it is for." example:"Dashboard"`
	Hint       string       `json:"hint" doc:"Its beginning and its end, to recognise it." example:"fr_…x7Qk"`
	CreatedAt  time.Time    `json:"created_at" doc:"When it was made."`
	LastUsedAt *time.Time   `json:"last_used_at,omitempty" doc:"When it was last used, to the minute; absent if never."`
	RevokedAt  *time.Time   `json:"revoked_at,omitempty" doc:"When it was revoked; absent if it is good."`
}

// newKey is the wish for a key.
type newKey struct {
	Kind project.Kind `json:"kind" enum:"write,read,admin" doc:"write sends events, read asks questions, admin does everything."`
	Name string       `json:"name,omitempty" maxLength:"100" doc:"What it is for." example:"Dashboard"`
}

type keysAnswer struct {
	Body struct {
		Keys []KeyView `json:"keys" doc:"All keys of the project by number, revoked ones included."`
	}
}

type keyAnswer struct {
	Body struct {
		KeyView
		Key string `json:"key" doc:"The key itself. It is not stored and cannot be shown again." example:"fr_…"`
	}
}

type keyPath struct {
	ID uint64 `path:"id" doc:"The key's number." example:"3"`
}

func (a *API) registerKeys() {
	const path = "/v1/projects/{id}/keys"
	handle(a, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: path, Tags: []string{"control"},
		Summary: "List a project's keys", Description: "The keys themselves are not stored; the hints tell them apart.",
	}, admin, a.listKeys)
	handle(a, huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: path, Tags: []string{"control"},
		Summary: "Create a key and show it, once", DefaultStatus: http.StatusCreated,
	}, admin, a.createKey)
	takes[newKey](a, http.MethodPost, path, "The kind of the new key.", map[string]any{"kind": "read", "name": "Dashboard"})
	handle(a, huma.Operation{
		OperationID: "revoke-key", Method: http.MethodDelete, Path: "/v1/keys/{id}", Tags: []string{"control"},
		Summary: "Revoke a key at once", Description: "Revoking a revoked key is no error.",
	}, admin, a.revokeKey)
}

func (a *API) listKeys(ctx context.Context, _ *call, in *projectPath) (*keysAnswer, error) {
	keys, err := a.opts.Projects.Keys(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &keysAnswer{}
	out.Body.Keys = make([]KeyView, 0, len(keys))
	for _, k := range keys {
		out.Body.Keys = append(out.Body.Keys, KeyView(k))
	}
	return out, nil
}

func (a *API) createKey(ctx context.Context, c *call, in *projectPath) (*keyAnswer, error) {
	wish, err := body[newKey](c)
	if err != nil {
		return nil, err
	}
	k, secret, err := a.opts.Projects.CreateKey(ctx, c.actor(), in.ID, wish.Kind, wish.Name)
	if err != nil {
		return nil, err
	}
	out := &keyAnswer{}
	out.Body.KeyView, out.Body.Key = KeyView(k), secret
	return out, nil
}

func (a *API) revokeKey(ctx context.Context, c *call, in *keyPath) (*nothing, error) {
	return nil, a.opts.Projects.RevokeKey(ctx, c.actor(), in.ID)
}
