package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

type ledgerQuery struct {
	ProjectParameter
	From string `query:"from" maxLength:"64" default:"-7d" doc:"The first hour: an ISO 8601 time, a date in the project's time zone, or back from now as in -24h." example:"-24h"`
	To   string `query:"to" maxLength:"64" default:"now" doc:"The first hour that is too late, in the same forms."`
}

type ledgerAnswer struct {
	Body struct {
		query.Ledger
		InFlight uint64 `json:"in_flight" doc:"Acknowledged events, of all projects, that are still on their way and not in the figures."`
	}
}

func (a *API) registerLedger() {
	handle(a, huma.Operation{
		OperationID: "get-ledger", Method: http.MethodGet, Path: "/v1/ledger", Tags: []string{"operation"},
		Summary: "Account for every accepted event",
		Description: "By hour of receipt: accepted = stored + duplicate + dead_lettered. What is still on its way is counted apart; " +
			"a difference other than 0 is a fault of the server.",
	}, read, a.ledger)
}

func (a *API) ledger(ctx context.Context, c *call, in *ledgerQuery) (*ledgerAnswer, error) {
	now, zone := a.opts.Now(), c.project.Location()
	from, err := moment("from", in.From, now, zone)
	if err != nil {
		return nil, err
	}
	to, err := moment("to", in.To, now, zone)
	if err != nil {
		return nil, err
	}
	l, err := a.opts.Engine.Ledger(ctx, c.scope(), *from, *to)
	if err != nil {
		return nil, err
	}
	out := &ledgerAnswer{}
	out.Body.Ledger = *l
	if _, end := a.opts.Pipeline.LogBounds(); end > l.Watermark.Position {
		out.Body.InFlight = uint64(end - l.Watermark.Position)
	}
	return out, nil
}
