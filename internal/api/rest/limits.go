package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/project"
)

// Limit is something that the server does not let grow further.
type Limit struct {
	Name string `json:"name" doc:"A stable word for what is limited." example:"event_bytes"`
	// What says it in words for people.
	What string `json:"what" doc:"What is limited, in words." example:"Largest single event."`
	// Unit is one of LimitUnits.
	Unit string `json:"unit" doc:"What value and used count."`
	// Value is nil where there is no bound.
	Value *float64 `json:"value" doc:"The limit; null where there is none." example:"1048576"`
	// Used is nil where nothing is used up, such as for the size of an event.
	Used *float64 `json:"used,omitempty" doc:"How much of it is in use now; absent for limits of a single thing." example:"12"`
	// Key is the setting of the configuration or of the project; empty for limits that are fixed.
	Key string `json:"key,omitempty" doc:"The setting of the configuration, or of the project, that says so; absent for limits that cannot be set." example:"limits.max_event"`
	// Scope is one of LimitScopes.
	Scope string `json:"scope" doc:"Whether it holds for each request or event, for the project, or for the whole server."`
}

// LimitUnits lists the units of limits.
func LimitUnits() []string { return []string{"bytes", "count", "seconds", "per_second"} }

// LimitScopes lists what limits hold for.
func LimitScopes() []string { return []string{"request", "project", "server"} }

type limitsAnswer struct {
	Body struct {
		Limits []Limit `json:"limits" doc:"The limits that are in effect."`
	}
}

func (a *API) registerLimits() {
	handle(a, huma.Operation{
		OperationID: "list-limits", Method: http.MethodGet, Path: "/v1/limits", Tags: []string{"operation"},
		Summary: "List the limits, and how much of each is in use",
		Description: "Those of requests and events, of the project, and of the whole server; each with the setting it comes from. Settings of the configuration are read when " +
			"the server starts, those of the project are in effect at once.",
	}, read, a.limits)
}

func (a *API) limits(ctx context.Context, c *call, _ *ProjectParameter) (*limitsAnswer, error) {
	out := &limitsAnswer{}
	var err error
	if out.Body.Limits, err = a.opts.Operator.Limits(ctx, c.project.ID); err != nil {
		return nil, err
	}
	kept, err := a.keptOf(ctx, c)
	if err != nil {
		return nil, err
	}
	load, err := a.opts.Operator.Operations(ctx)
	if err != nil {
		return nil, err
	}
	timeout, questions, asked := maxTimeout.Seconds(), float64(a.opts.Engine.MaxConcurrent+a.opts.Engine.MaxWaiting), load.Running+load.Waiting
	streams, open := float64(a.opts.Streams), load.Streams
	out.Body.Limits = append(append(out.Body.Limits, kept...),
		Limit{Name: "query_seconds", What: "Longest time that a question may take.", Unit: "seconds", Value: &timeout, Scope: "request"},
		Limit{Name: "questions", What: "Questions that run or wait for their turn.", Unit: "count", Value: &questions, Used: &asked, Scope: "server"},
		Limit{Name: "streams", What: "Live streams that are open.", Unit: "count", Value: &streams, Used: &open, Scope: "server"},
	)
	return out, nil
}

// keptOf are the limits of what a project has.
func (a *API) keptOf(ctx context.Context, c *call) ([]Limit, error) {
	columns, mostColumns, err := a.opts.Engine.PropertyColumns(ctx, c.scope())
	if err != nil {
		return nil, err
	}
	insights, err := a.opts.Projects.Insights(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	boards, err := a.opts.Projects.Dashboards(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	cohorts, err := a.opts.Projects.Cohorts(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	var out []Limit
	for _, l := range []struct {
		name, what, key string
		value, used     int
	}{
		{"property_columns", "Properties with a column of their own; more stay queryable, but slower.", "store.property_limit", mostColumns, columns},
		{"insights", "Saved questions.", "", project.MaxInsights, len(insights)},
		{"dashboards", "Dashboards.", "", project.MaxDashboards, len(boards)},
		{"cohorts", "Cohorts.", "", project.MaxCohorts, len(cohorts)},
	} {
		value, used := float64(l.value), float64(l.used)
		out = append(out, Limit{Name: l.name, What: l.what, Unit: "count", Value: &value, Used: &used, Key: l.key, Scope: "project"})
	}
	return out, nil
}
