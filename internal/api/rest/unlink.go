package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Unlinker takes ids out of the persons they were linked to.
type Unlinker interface {
	// Unlink makes durable that an id of the space is taken out, and returns the position from which on it is.
	Unlink(ctx context.Context, p store.ProjectID, space event.Space, id string) (eventlog.Position, error)
}

type unlinkWish struct {
	Kind string `json:"kind" enum:"user,anonymous,device" doc:"Which sort of id it is."`
	ID   string `json:"id" minLength:"1" maxLength:"1024" doc:"The id, as the app sent it." example:"a-1"`
}

type unlinkAnswer struct {
	Body struct {
		Unlinked bool              `json:"unlinked" doc:"Whether there was anything to do: false for an id that is linked to nobody."`
		Person   string            `json:"person" doc:"The number of the person that the id is from now on, by itself." example:"1045237722846921733"`
		From     string            `json:"from" doc:"The number that its person had before. The others may have got another one." example:"1045237722846921733"`
		Position eventlog.Position `json:"position,omitempty" doc:"Given as consistent_with to a question, it makes the unlink count."`
	}
}

func (a *API) registerUnlink() {
	handle(a, huma.Operation{
		OperationID: "unlink-person", Method: http.MethodPost, Path: "/v1/persons/unlink", Tags: []string{"people"},
		Summary: "Take an id out of the person it was linked to",
		Description: "From the position of the answer on every answer is as if the id had never been linked: the events that are of it by themselves, earlier ones " +
			"too, are a person of their own. The other ids stay one person. A link that comes later counts again, so stop the app from sending " +
			"it first. Asking twice is harmless. The answer comes when it is in effect, or when the timeout is over.",
		Errors: []int{http.StatusNotFound, http.StatusGatewayTimeout},
	}, admin, a.unlink)
	takes[unlinkWish](a, http.MethodPost, "/v1/persons/unlink", "The id.", map[string]any{"kind": "anonymous", "id": "a-1"})
}

func (a *API) unlink(ctx context.Context, c *call, in *WaitParameters) (*unlinkAnswer, error) {
	wish, err := body[unlinkWish](c)
	if err != nil {
		return nil, err
	}
	ctx, cancel, err := a.wait(ctx, c.scope().Project, in)
	if err != nil {
		return nil, err
	}
	defer cancel()
	standing, err := a.opts.Engine.Standing(ctx, c.scope(), wish.Kind, wish.ID)
	if err != nil {
		return nil, err
	}
	out := &unlinkAnswer{}
	out.Body.Unlinked, out.Body.Person, out.Body.From = standing.Linked, standing.Number, standing.Person
	if !standing.Linked {
		return out, nil
	}
	if err := a.opts.Projects.AuditUnlink(ctx, c.actor(), c.project.ID, wish.Kind, wish.ID); err != nil {
		return nil, err
	}
	out.Body.Position, err = a.opts.Unlinker.Unlink(ctx, c.scope().Project, standing.Space, wish.ID)
	if err != nil {
		return nil, err
	}
	// It will be done whether or not it is waited for here. Who asks again at once should see it.
	_ = a.opts.Engine.Wait(ctx, c.scope().Project, out.Body.Position)
	return out, nil
}
