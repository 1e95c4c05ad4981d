package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

type outlineAnswer struct {
	Body *query.Outline
}

func (a *API) registerOutline() {
	handle(a, huma.Operation{
		OperationID: "plan-query", Method: http.MethodPost, Path: "/v1/query/plan", Tags: []string{"questions"},
		Summary: "Tell how a question would be answered",
		Description: "The SQL that the store would be given, with its parameters beside it, and in words what becomes of the rows. " +
			"The question is checked as POST /v1/query does, and none of the statements is run.",
		Errors: []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
	}, read, a.outline)
	a.documentQuestion("/v1/query/plan", examples())
}

func (a *API) outline(ctx context.Context, c *call, in *WaitParameters) (*outlineAnswer, error) {
	data, err := content(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel, err := a.wait(ctx, c.scope().Project, in)
	if err != nil {
		return nil, err
	}
	defer cancel()
	asked, err := a.question(data, c.scope())
	if err != nil {
		return nil, err
	}
	p, err := a.opts.Engine.Plan(ctx, c.scope(), asked)
	if err != nil {
		return nil, err
	}
	return &outlineAnswer{p}, nil
}
