package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
)

type planView struct {
	Plan      *query.TrackingPlan `json:"plan,omitempty" doc:"The plan, in the form in which it is set; absent when there is none."`
	Version   uint64              `json:"version" doc:"One more after each change; also the ETag. 0 when there never was a plan."`
	UpdatedAt *time.Time          `json:"updated_at,omitempty" doc:"When it was last changed."`
}

type planAnswer struct {
	ETag string `header:"ETag" doc:"The version, to be given as If-Match with a change."`
	Body planView
}

// PlanChange are the conditions of a change. It is exported because huma does not look into what is not.
type PlanChange struct {
	ProjectParameter
	IfMatch string `header:"If-Match" doc:"The ETag that was read: when the plan is another by now, nothing is changed (412)."`
}

type proposalAnswer struct {
	Body *query.TrackingPlan
}

type violationsQuery struct {
	ProjectParameter
	From string `query:"from" maxLength:"64" default:"-7d" doc:"The earliest time of an event: an ISO 8601 time, a date in the project's time zone, or back from now as in -24h." example:"-24h"`
	To   string `query:"to" maxLength:"64" default:"now" doc:"The first time that is too late, in the same forms."`
}

func (a *API) registerPlan() {
	const path = "/v1/plan"
	tags := []string{"events"}
	handle(a, huma.Operation{
		OperationID: "get-plan", Method: http.MethodGet, Path: path, Tags: tags, Summary: "Read the tracking plan",
	}, read, a.getPlan)
	handle(a, huma.Operation{
		OperationID: "set-plan", Method: http.MethodPut, Path: path, Tags: tags, Summary: "Set the tracking plan",
		Description: "The plan is replaced as a whole. It refuses no event, now or later: what is otherwise can be read at /v1/plan/violations.",
		Errors:      []int{http.StatusPreconditionFailed},
	}, admin, a.setPlan)
	takes[query.TrackingPlan](a, http.MethodPut, path, "The plan.", map[string]any{"events": []any{map[string]any{
		"name": "purchase", "properties": []any{
			map[string]any{"key": "amount", "type": "number", "required": true},
			map[string]any{"key": "currency", "type": "text", "required": true, "values": []any{"EUR", "USD"}},
		},
	}}})
	handle(a, huma.Operation{
		OperationID: "delete-plan", Method: http.MethodDelete, Path: path, Tags: tags, Summary: "Take the tracking plan away",
		Errors: []int{http.StatusPreconditionFailed},
	}, admin, a.deletePlan)
	handle(a, huma.Operation{
		OperationID: "propose-plan", Method: http.MethodGet, Path: path + "/proposal", Tags: tags, Summary: "Make a tracking plan of what was seen",
		Description: "Of the newest events: what all events of a name had is required. Nothing is kept; PUT /v1/plan keeps it.",
		Errors:      []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
	}, read, a.proposePlan)
	patient(a, huma.Operation{
		OperationID: "list-violations", Method: http.MethodGet, Path: path + "/violations", Tags: tags, Summary: "List what is not as planned",
		Description: "Computed when it is asked, of the events as they are stored and the plan as it is now: a plan that is changed judges earlier events, too. " +
			"identify, group and alias are not judged. Without a plan it is 404 (no_plan).",
	}, a.violations)
}

// plan is the project's, nil when there is none.
func (a *API) plan(ctx context.Context, c *call) (*query.TrackingPlan, project.Plan, error) {
	kept, err := a.opts.Projects.Plan(ctx, c.project.ID)
	if err != nil || kept.Document == nil {
		return nil, kept, err
	}
	plan := new(query.TrackingPlan)
	if err := json.Unmarshal(kept.Document, plan); err != nil {
		return nil, kept, fmt.Errorf("read the plan of project %d: %w", c.project.ID, err)
	}
	return plan, kept, nil
}

func planOf(plan *query.TrackingPlan, kept project.Plan) *planAnswer {
	out := &planAnswer{versionTag(kept.Version), planView{Plan: plan, Version: kept.Version}}
	if kept.Version > 0 {
		out.Body.UpdatedAt = &kept.UpdatedAt
	}
	return out
}

func (a *API) getPlan(ctx context.Context, c *call, _ *ProjectParameter) (*planAnswer, error) {
	plan, kept, err := a.plan(ctx, c)
	if err != nil {
		return nil, err
	}
	return planOf(plan, kept), nil
}

func (a *API) setPlan(ctx context.Context, c *call, in *PlanChange) (*planAnswer, error) {
	version, ok := versionOf(in.IfMatch)
	if !ok {
		return nil, project.PlanChanged()
	}
	plan, err := body[query.TrackingPlan](c)
	if err != nil {
		return nil, err
	}
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	document, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	kept, err := a.opts.Projects.SetPlan(ctx, c.actor(), c.project.ID, version, document, fmt.Sprintf("%d events", len(plan.Events)))
	if err != nil {
		return nil, err
	}
	return planOf(plan, kept), nil
}

func (a *API) deletePlan(ctx context.Context, c *call, in *PlanChange) (*nothing, error) {
	version, ok := versionOf(in.IfMatch)
	if !ok {
		return nil, project.PlanChanged()
	}
	_, err := a.opts.Projects.SetPlan(ctx, c.actor(), c.project.ID, version, nil, "taken away")
	return nil, err
}

func (a *API) proposePlan(ctx context.Context, c *call, _ *ProjectParameter) (*proposalAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTimeout)
	defer cancel()
	plan, err := a.opts.Engine.ProposePlan(ctx, c.scope())
	if err != nil {
		return nil, err
	}
	return &proposalAnswer{plan}, nil
}

func (a *API) violations(ctx context.Context, c *call, in *violationsQuery) (work[query.Violations], error) {
	from, to, err := a.hours(c, &LedgerQuery{From: in.From, To: in.To})
	if err != nil {
		return nil, err
	}
	plan, _, err := a.plan(ctx, c)
	if err != nil {
		return nil, err
	}
	if plan == nil {
		return nil, &event.Error{Kind: event.NotFound, Code: "no_plan", Message: "the project has no tracking plan; PUT /v1/plan sets one"}
	}
	return func(ctx context.Context) (*query.Violations, error) {
		return a.opts.Engine.Violations(ctx, c.scope(), plan, from, to)
	}, nil
}
