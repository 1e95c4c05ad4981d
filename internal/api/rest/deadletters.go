package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// maxReplay bounds the dead letters that one call tries again.
const maxReplay = 1000

type deadLettersQuery struct {
	ProjectParameter
	Code   string `query:"code" maxLength:"64" doc:"Only those with this code." example:"malformed_json"`
	Cursor string `query:"cursor" maxLength:"32" doc:"Where to go on: next of the page before."`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200" doc:"How many at most; a page may have fewer and still not be the last."`
}

type deadLettersAnswer struct {
	Body *query.DeadLetterPage
}

// replayWish picks dead letters to try again.
type replayWish struct {
	Positions []eventlog.Position `json:"positions,omitempty" maxItems:"1000" doc:"The positions of the dead letters."`
	Code      string              `json:"code,omitempty" doc:"All dead letters with this code, newest first, up to 1000 a call. Without it and without positions: all." example:"malformed_json"`
	Before    eventlog.Position   `json:"before,omitempty" doc:"Only those with a lower position: next of the call before."`
	DryRun    *bool               `json:"dry_run,omitempty" doc:"Only tell what would become of them; true unless given. A real run needs an admin key."`
}

type replayAnswer struct {
	Body struct {
		DryRun   bool              `json:"dry_run" doc:"Nothing was changed."`
		Readable int               `json:"readable" doc:"How many of them can be read now."`
		Position eventlog.Position `json:"position,omitempty" doc:"Given as consistent_with to a question, it makes all of them count."`
		More     bool              `json:"more,omitempty" doc:"There are older ones that were not tried."`
		Next     eventlog.Position `json:"next,omitempty" doc:"Give it as before to go on with the older ones."`
		Letters  []replayedLetter  `json:"letters" doc:"What became of each, newest first."`
	}
}

type replayedLetter struct {
	Position eventlog.Position `json:"position" doc:"The dead letter's position."`
	Outcome  string            `json:"outcome" enum:"readable,replayed,unreadable,not_found" doc:"readable would be taken, replayed was taken (once, however often it is tried), unreadable stays where it is, not_found is no dead letter of the project."`
	Code     string            `json:"code,omitempty" doc:"Why it is unreadable, for programs."`
	Reason   string            `json:"reason,omitempty" doc:"Why it is unreadable, for people."`
}

func (a *API) registerDeadLetters() {
	handle(a, huma.Operation{
		OperationID: "list-dead-letters", Method: http.MethodGet, Path: "/v1/deadletters", Tags: []string{"operation"},
		Summary:     "List the events that could not be read",
		Description: "They were acknowledged and are kept with their bytes and the reason, newest first.",
	}, read, func(ctx context.Context, c *call, in *deadLettersQuery) (*deadLettersAnswer, error) {
		page, err := a.opts.Engine.DeadLetters(ctx, c.scope(), in.Code, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return &deadLettersAnswer{page}, nil
	})
	handle(a, huma.Operation{
		OperationID: "replay-dead-letters", Method: http.MethodPost, Path: "/v1/deadletters/replay", Tags: []string{"operation"},
		Summary: "Try dead letters again",
		Description: "The kept bytes go through the decoder of their wire format again, under today's limits, with their first time of " +
			"receipt. An event that is taken twice is stored once, because its id is the same.",
	}, read, a.replay)
	takes[replayWish](a, http.MethodPost, "/v1/deadletters/replay", "Which ones, and whether to.", map[string]any{"code": "malformed_json", "dry_run": true})
}

func (a *API) replay(ctx context.Context, c *call, _ *ProjectParameter) (*replayAnswer, error) {
	wish, err := body[replayWish](c)
	if err != nil {
		return nil, err
	}
	dry := wish.DryRun == nil || *wish.DryRun
	if !dry && c.who.Kind != project.Admin {
		return nil, event.Errorf(event.Forbidden, "wrong_key_kind", "a %s key may only try a dry run, a real one needs an admin key", c.who.Kind)
	}
	if len(wish.Positions) > maxReplay {
		return nil, invalid("too_many_positions", "positions", "%d positions, the limit is %d", len(wish.Positions), maxReplay)
	}
	if wish.Positions != nil && wish.Code != "" {
		return nil, invalid("conflicting_fields", "code", "give positions or a code, not both")
	}
	out := &replayAnswer{}
	out.Body.DryRun, out.Body.Letters = dry, []replayedLetter{}
	one := func(d *store.DeadLetter) error {
		if wish.Before > 0 && d.Position >= wish.Before {
			return nil
		}
		if n := len(out.Body.Letters); n == maxReplay {
			out.Body.More, out.Body.Next = true, out.Body.Letters[n-1].Position
			return errEnough
		}
		r, err := a.opts.Replayer.Replay(ctx, *d, dry)
		if err != nil {
			return err
		}
		l := outcome(d.Position, r, dry)
		if l.Outcome != "unreadable" {
			out.Body.Readable++
		}
		out.Body.Position = max(out.Body.Position, r.Position)
		out.Body.Letters = append(out.Body.Letters, l)
		return nil
	}
	if wish.Positions == nil {
		err = a.opts.Engine.EachDeadLetter(ctx, c.scope(), wish.Code, one)
	} else {
		err = a.replayAt(ctx, c, wish.Positions, one, &out.Body.Letters)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return out, nil
}

var errEnough = errors.New("enough")

// replayAt tries the letters at the positions and notes which of them there are not.
func (a *API) replayAt(
	ctx context.Context, c *call, positions []eventlog.Position, one func(*store.DeadLetter) error, letters *[]replayedLetter,
) error {
	found, err := a.opts.Engine.DeadLettersAt(ctx, c.scope(), positions)
	if err != nil {
		return err
	}
	seen := map[eventlog.Position]bool{}
	for i := range found {
		seen[found[i].Position] = true
		if err := one(&found[i]); err != nil {
			return err
		}
	}
	for _, p := range positions {
		if !seen[p] {
			seen[p] = true
			*letters = append(*letters, replayedLetter{Position: p, Outcome: "not_found"})
		}
	}
	return nil
}

func outcome(p eventlog.Position, r Replayed, dry bool) replayedLetter {
	switch {
	case r.Code != "":
		return replayedLetter{Position: p, Outcome: "unreadable", Code: r.Code, Reason: safe(r.Reason)}
	case dry:
		return replayedLetter{Position: p, Outcome: "readable"}
	default:
		return replayedLetter{Position: p, Outcome: "replayed"}
	}
}
