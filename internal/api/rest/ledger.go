package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

// LedgerQuery is a range of hours. It is exported because huma does not look into what is not.
type LedgerQuery struct {
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

type duplicatesQuery struct {
	LedgerQuery
	Interval string `query:"interval" enum:"hour,day" default:"day" doc:"How long a bucket is: an hour of receipt, or the hours that begin on a day in the project's time zone."`
}

type duplicatesAnswer struct {
	Body *query.Duplicates
}

func (a *API) registerDuplicates() {
	handle(a, huma.Operation{
		OperationID: "get-duplicates", Method: http.MethodGet, Path: "/v1/ledger/duplicates", Tags: []string{"operation"},
		Summary: "Tell which SDKs sent events twice",
		Description: "The duplicates of the ledger by the library and version that sent them, and by hour or day of receipt. They add up to the ledger's. " +
			"Of an hour the first 50 versions are told apart, the others are together under $other.",
	}, read, a.duplicates)
}

func (a *API) duplicates(ctx context.Context, c *call, in *duplicatesQuery) (*duplicatesAnswer, error) {
	from, to, err := a.hours(c, &in.LedgerQuery)
	if err != nil {
		return nil, err
	}
	d, err := a.opts.Engine.Duplicates(ctx, c.scope(), from, to, in.Interval)
	if err != nil {
		return nil, err
	}
	return &duplicatesAnswer{d}, nil
}

// hours reads the range of a question about the ledger.
func (a *API) hours(c *call, in *LedgerQuery) (from, to time.Time, err error) {
	now, zone := a.opts.Now(), c.project.Location()
	f, err := moment("from", in.From, now, zone)
	if err != nil {
		return from, to, err
	}
	t, err := moment("to", in.To, now, zone)
	if err != nil {
		return from, to, err
	}
	return *f, *t, nil
}

func (a *API) ledger(ctx context.Context, c *call, in *LedgerQuery) (*ledgerAnswer, error) {
	from, to, err := a.hours(c, in)
	if err != nil {
		return nil, err
	}
	l, err := a.opts.Engine.Ledger(ctx, c.scope(), from, to)
	if err != nil {
		return nil, err
	}
	out := &ledgerAnswer{}
	out.Body.Ledger = *l
	if _, end := a.pipeline(c).LogBounds(); end > l.Watermark.Position {
		out.Body.InFlight = uint64(end - l.Watermark.Position)
	}
	return out, nil
}
