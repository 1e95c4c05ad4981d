package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// Noted is what people say of an event or a property. It is exported because huma does not look into what is not.
type Noted struct {
	Description string `json:"description,omitempty" doc:"What it means, as somebody described it."`
	Owner       string `json:"owner,omitempty" doc:"The person or team that answers for it." example:"Growth"`
	NoteVersion uint64 `json:"note_version,omitempty" doc:"The version of description and owner, also the ETag; absent when nothing is said."`
}

func noted(n project.Note) Noted { return Noted{n.Description, n.Owner, n.Version} }

type schemaEventView struct {
	query.SchemaEvent
	Noted
}

type schemaPropertyView struct {
	query.SchemaProperty
	Noted
}

// schemaView is query.Schema with what people say of it.
type schemaView struct {
	Events        []schemaEventView    `json:"events"`
	Properties    []schemaPropertyView `json:"properties"`
	Traits        []query.SchemaTrait  `json:"traits"`
	Columns       []query.SchemaColumn `json:"columns"`
	PropertyLimit int                  `json:"property_limit"`
	Watermark     store.Watermark      `json:"watermark"`
}

type schemaAnswer struct {
	Body schemaView
}

func (a *API) registerSchema() {
	handle(a, huma.Operation{
		OperationID: "get-schema", Method: http.MethodGet, Path: "/v1/schema", Tags: []string{"events"},
		Summary: "List the events and properties that were seen",
	}, read, a.schemaOf)
}

func (a *API) schemaOf(ctx context.Context, c *call, _ *ProjectParameter) (*schemaAnswer, error) {
	notes, err := a.opts.Projects.Notes(ctx, c.project.ID)
	var unavailable *project.Error
	if errors.As(err, &unavailable) && unavailable.Kind == project.Unavailable {
		// Questions need to know what there is, and can do without what is said of it.
		a.opts.Logger.WarnContext(ctx, "schema without notes", "error", err)
		notes, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := a.opts.Engine.Schema(ctx, c.scope())
	if err != nil {
		return nil, err
	}
	said := make(map[project.Subject]Noted, len(notes))
	for _, n := range notes {
		said[n.Subject] = noted(n)
	}
	out := &schemaAnswer{schemaView{
		Events: make([]schemaEventView, len(s.Events)), Properties: make([]schemaPropertyView, len(s.Properties)),
		Traits: s.Traits, Columns: s.Columns, PropertyLimit: s.PropertyLimit, Watermark: s.Watermark,
	}}
	for i, e := range s.Events {
		out.Body.Events[i] = schemaEventView{e, said[project.Subject{Kind: project.NoteEvent, Name: e.Name}]}
	}
	for i, p := range s.Properties {
		out.Body.Properties[i] = schemaPropertyView{p, said[project.Subject{Kind: project.NoteProperty, Name: p.Key}]}
	}
	return out, nil
}

// noteView is a note as clients see it.
type noteView struct {
	Kind        project.NoteKind `json:"kind" enum:"event,property" doc:"What it is about."`
	Name        string           `json:"name" doc:"The event's name or the property's key." example:"purchase"`
	Description string           `json:"description" doc:"What it means."`
	Owner       string           `json:"owner" doc:"The person or team that answers for it." example:"Growth"`
	Version     uint64           `json:"version" doc:"One more after each change; also the ETag. 0 when nothing was ever said."`
	UpdatedAt   time.Time        `json:"updated_at" doc:"When it was last changed."`
}

type noteAnswer struct {
	ETag string `header:"ETag" doc:"The version, to be given as If-Match with a change."`
	Body noteView
}

type notesAnswer struct {
	Body struct {
		Notes []noteView `json:"notes" doc:"What is said of events and then of properties, by name; of those, too, that were not seen."`
	}
}

func noteOf(n project.Note) noteView {
	return noteView{n.Kind, n.Name, n.Description, n.Owner, n.Version, n.UpdatedAt}
}

// noteWish is what is to be said of an event or a property.
type noteWish struct {
	Description *string `json:"description,omitempty" doc:"What it means: at most 2,000 characters." example:"An order that was paid."`
	Owner       *string `json:"owner,omitempty" doc:"The person or team that answers for it: at most 100 characters." example:"Growth"`
}

// NoteChange are the conditions of a change. It is exported because huma does not look into what is not.
type NoteChange struct {
	ProjectParameter
	IfMatch     string `header:"If-Match" doc:"The ETag, or note_version, that was read: when something else is said by now, nothing is changed (412)."`
	IfNoneMatch string `header:"If-None-Match" enum:"*" doc:"* changes something only if nothing was ever said (otherwise 412)."`
}

// seen is the version that the caller knows: nil for any.
func (in *NoteChange) seen(about project.Subject) (*uint64, error) {
	if in.IfNoneMatch != "" {
		return new(uint64), nil
	}
	version, ok := versionOf(in.IfMatch)
	if !ok {
		return nil, project.NoteChanged(about)
	}
	if version == 0 {
		return nil, nil //nolint:nilnil // any version is a good answer
	}
	return &version, nil
}

type eventNoteChange struct {
	NoteChange
	Name string `path:"event" maxLength:"512" doc:"The event's name." example:"purchase"`
}

type propertyNoteChange struct {
	NoteChange
	Name string `path:"property" maxLength:"512" doc:"The property's key." example:"amount"`
}

func (a *API) registerNotes() {
	const event, property = "/v1/schema/events/{event}", "/v1/schema/properties/{property}"
	example := map[string]any{"description": "An order that was paid.", "owner": "Growth"}
	handle(a, huma.Operation{
		OperationID: "list-notes", Method: http.MethodGet, Path: "/v1/schema/notes", Tags: []string{"events"},
		Summary: "List what is said of events and properties",
	}, read, a.notes)
	handle(a, huma.Operation{
		OperationID: "describe-event", Method: http.MethodPatch, Path: event, Tags: []string{"events"},
		Summary:     "Describe an event, and name its owner",
		Description: "Events that were not seen yet can be described, too. A project has 10,000 descriptions at most; one that is emptied does not count.",
		Errors:      []int{http.StatusConflict, http.StatusPreconditionFailed},
	}, admin, func(ctx context.Context, c *call, in *eventNoteChange) (*noteAnswer, error) {
		return a.describe(ctx, c, project.Subject{Kind: project.NoteEvent, Name: in.Name}, &in.NoteChange)
	})
	takes[noteWish](a, http.MethodPatch, event, "What is to be different; the rest stays.", example)
	handle(a, huma.Operation{
		OperationID: "describe-property", Method: http.MethodPatch, Path: property, Tags: []string{"events"},
		Summary: "Describe a property of events, and name its owner",
		Errors:  []int{http.StatusConflict, http.StatusPreconditionFailed},
	}, admin, func(ctx context.Context, c *call, in *propertyNoteChange) (*noteAnswer, error) {
		return a.describe(ctx, c, project.Subject{Kind: project.NoteProperty, Name: in.Name}, &in.NoteChange)
	})
	takes[noteWish](a, http.MethodPatch, property, "What is to be different; the rest stays.", example)
}

func (a *API) notes(ctx context.Context, c *call, _ *ProjectParameter) (*notesAnswer, error) {
	list, err := a.opts.Projects.Notes(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	out := &notesAnswer{}
	out.Body.Notes = make([]noteView, len(list))
	for i, n := range list {
		out.Body.Notes[i] = noteOf(n)
	}
	return out, nil
}

func (a *API) describe(ctx context.Context, c *call, about project.Subject, in *NoteChange) (*noteAnswer, error) {
	seen, err := in.seen(about)
	if err != nil {
		return nil, err
	}
	wish, err := body[noteWish](c)
	if err != nil {
		return nil, err
	}
	n, err := a.opts.Projects.Describe(ctx, c.actor(), c.project.ID, about, seen, project.NoteChange{Description: wish.Description, Owner: wish.Owner})
	if err != nil {
		return nil, err
	}
	return &noteAnswer{versionTag(n.Version), noteOf(n)}, nil
}
