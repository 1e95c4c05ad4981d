package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

// ExplainRequest asks why a person is behind a number, or why not.
type ExplainRequest struct {
	Question json.RawMessage `json:"question"`
	Cell     json.RawMessage `json:"cell"`
	Person   string          `json:"person"`
}

func (a *API) registerExplain() {
	patient(a, huma.Operation{
		OperationID: "explain-person", Method: http.MethodPost, Path: "/v1/people/explain", Tags: []string{"questions"},
		Summary: "Tell why a person is behind a number, or why not",
		Description: "By which events, and for whom it is not the nearest miss: one change of the question or the cell with which the person would be in, " +
			"such as a longer window. Every such change was tried.",
	}, a.explain)
	example := example(peopleExample).(map[string]any)
	example["person"] = "1045237722846921733"
	takes[ExplainRequest](a, http.MethodPost, "/v1/people/explain", "The question, a number of its answer, and the person.", example)
}

func (a *API) explain(_ context.Context, c *call, in *WaitParameters) (work[query.Explanation], error) {
	request, err := body[ExplainRequest](c)
	if err != nil {
		return nil, err
	}
	person, err := query.ParsePerson(request.Person)
	if err != nil {
		return nil, err
	}
	return waiting(a, c.scope().Project, in, func(ctx context.Context) (*query.Explanation, error) {
		b, err := a.behind(request.Question, request.Cell, c.scope())
		if err != nil {
			return nil, err
		}
		return a.opts.Engine.Explain(ctx, c.scope(), b.Asked, b.cell, person)
	})
}
