package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/project"
)

// projectView is a project as clients see it.
type projectView struct {
	ID                project.ID `json:"id" doc:"The project's number; never used again." example:"1"`
	Name              string     `json:"name" doc:"The project's name." example:"Shop"`
	Timezone          string     `json:"timezone" doc:"The IANA time zone in which days and weeks are cut." example:"Europe/Berlin"`
	WeekStart         string     `json:"week_start" enum:"monday,sunday" doc:"The day that weeks begin with."`
	RetentionDays     int        `json:"retention_days" doc:"Days that events are kept; 0 is for ever." example:"365"`
	SessionGapMinutes int        `json:"session_gap_minutes" doc:"Minutes of silence that end a session." example:"30"`
	EventsPerSecond   int        `json:"events_per_second" doc:"Events a second that the project may send, on average over 10 s; 0 is what the server is set to (limits.project_rate)." example:"0"`
	EventsPerMonth    int        `json:"events_per_month" doc:"Events that the project may store in a month of UTC; further ones are refused. 0 is as many as come." example:"0"`
	FullUntil         *time.Time `json:"full_until,omitempty" doc:"When events are taken again because a new month begins; absent unless the project has all that it may have."`
	Lane              int        `json:"lane,omitempty" doc:"The lane that its events go, where there are several; absent for the first, 0." example:"1"`
	CreatedAt         time.Time  `json:"created_at" doc:"When the project was made."`
}

func viewOf(p project.Project) projectView {
	v := projectView{
		ID: p.ID, Name: p.Name, Timezone: p.Timezone, WeekStart: p.WeekStart, RetentionDays: p.RetentionDays,
		SessionGapMinutes: p.SessionGapMinutes, EventsPerSecond: p.EventsPerSecond, EventsPerMonth: p.EventsPerMonth, Lane: p.Lane, CreatedAt: p.CreatedAt,
	}
	if until, full := p.FullUntil(time.Now()); full {
		v.FullUntil = &until
	}
	return v
}

// settings are what a project is made with or changed to.
type settings struct {
	Name              *string `json:"name,omitempty" doc:"1 to 100 characters, unique. Needed to make a project." example:"Shop"`
	Timezone          *string `json:"timezone,omitempty" doc:"IANA time zone; a new project has UTC." example:"Europe/Berlin"`
	WeekStart         *string `json:"week_start,omitempty" enum:"monday,sunday" doc:"The day that weeks begin with; a new project has monday."`
	RetentionDays     *int    `json:"retention_days,omitempty" minimum:"0" maximum:"36500" doc:"Days that events are kept; 0, as in a new project, is for ever." example:"365"`
	SessionGapMinutes *int    `json:"session_gap_minutes,omitempty" minimum:"1" maximum:"1440" doc:"Minutes of silence that end a session; a new project has 30." example:"30"`
	EventsPerSecond   *int    `json:"events_per_second,omitempty" minimum:"0" maximum:"10000000" doc:"Events a second that the project may send, on average over 10 s; past it 429 with Retry-After. It is in effect at once. 0, as in a new project, is what the server is set to." example:"500"`
	EventsPerMonth    *int    `json:"events_per_month,omitempty" minimum:"0" maximum:"1000000000000" doc:"Events that the project may store in a month of UTC; some seconds after it has as many, further ones get 429 project_quota until the next month. A change is in effect at once. 0, as in a new project, is as many as come." example:"10000000"`
}

func (s settings) change() project.Change {
	return project.Change{
		Name: s.Name, Timezone: s.Timezone, WeekStart: s.WeekStart, RetentionDays: s.RetentionDays, SessionGapMinutes: s.SessionGapMinutes,
		EventsPerSecond: s.EventsPerSecond, EventsPerMonth: s.EventsPerMonth,
	}
}

type nothing struct{}

type projectPath struct {
	ID uint32 `path:"id" doc:"The project's number." example:"1"`
}

type projectAnswer struct {
	Body projectView
}

type projectsAnswer struct {
	Body struct {
		Projects []projectView `json:"projects" doc:"All projects, by number."`
	}
}

func (a *API) registerProjects() {
	handle(a, huma.Operation{
		OperationID: "list-projects", Method: http.MethodGet, Path: "/v1/projects", Tags: []string{"control"},
		Summary: "List the projects",
	}, admin, a.listProjects)
	handle(a, huma.Operation{
		OperationID: "create-project", Method: http.MethodPost, Path: "/v1/projects", Tags: []string{"control"},
		Summary: "Create a project", DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict},
	}, admin, a.createProject)
	takes[settings](a, http.MethodPost, "/v1/projects", "The new project's settings.", map[string]any{"name": "Shop", "timezone": "Europe/Berlin"})
	handle(a, huma.Operation{
		OperationID: "update-project", Method: http.MethodPatch, Path: "/v1/projects/{id}", Tags: []string{"control"},
		Summary: "Change a project's settings", Errors: []int{http.StatusConflict},
		Description: "Days that are cut already stay as they are when the time zone changes; new events use the new one.",
	}, admin, a.updateProject)
	takes[settings](a, http.MethodPatch, "/v1/projects/{id}", "What is to be different; the rest stays.", map[string]any{"retention_days": 365})
}

func (a *API) listProjects(context.Context, *call, *nothing) (*projectsAnswer, error) {
	out := &projectsAnswer{}
	out.Body.Projects = []projectView{}
	for _, p := range a.opts.Projects.Projects() {
		out.Body.Projects = append(out.Body.Projects, viewOf(p))
	}
	return out, nil
}

func (a *API) createProject(ctx context.Context, c *call, _ *nothing) (*projectAnswer, error) {
	s, err := body[settings](c)
	if err != nil {
		return nil, err
	}
	p, err := a.opts.Projects.CreateProject(ctx, c.actor(), s.change())
	if err != nil {
		return nil, err
	}
	return &projectAnswer{viewOf(p)}, nil
}

func (a *API) updateProject(ctx context.Context, c *call, in *projectPath) (*projectAnswer, error) {
	s, err := body[settings](c)
	if err != nil {
		return nil, err
	}
	p, err := a.opts.Projects.UpdateProject(ctx, c.actor(), in.ID, s.change())
	if err != nil {
		return nil, err
	}
	return &projectAnswer{viewOf(p)}, nil
}

type auditEntry struct {
	ID      uint64     `json:"id" doc:"The entry's number; entries are numbered in order."`
	At      time.Time  `json:"at" doc:"When it was done."`
	Actor   string     `json:"actor" doc:"Who did it." example:"key 3 (admin)"`
	Action  string     `json:"action" doc:"What was done." example:"project.create"`
	Project project.ID `json:"project" doc:"The project that was changed."`
	Detail  string     `json:"detail" doc:"What is different since, in words."`
}

type auditAnswer struct {
	Body struct {
		Entries []auditEntry `json:"entries" doc:"The changes, newest first."`
		Next    uint64       `json:"next,omitempty" doc:"Give it as before to read on; absent at the end."`
	}
}

type auditQuery struct {
	Before uint64 `query:"before" doc:"Only entries with a lower number; 0 is from the newest on."`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many entries at most."`
}

func (a *API) registerAudit() {
	handle(a, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit", Tags: []string{"control"},
		Summary: "Read who changed projects, keys, insights, cohorts, dashboards and descriptions",
	}, admin, a.audit)
}

func (a *API) audit(ctx context.Context, _ *call, in *auditQuery) (*auditAnswer, error) {
	entries, err := a.opts.Projects.Audit(ctx, in.Before, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &auditAnswer{}
	out.Body.Entries = make([]auditEntry, 0, len(entries))
	for _, e := range entries {
		out.Body.Entries = append(out.Body.Entries, auditEntry(e))
	}
	if len(entries) == in.Limit {
		out.Body.Next = entries[len(entries)-1].ID
	}
	return out, nil
}

type meAnswer struct {
	Body struct {
		Kind    project.Kind `json:"kind" enum:"read,admin" doc:"What kind of key it is."`
		Project projectView  `json:"project" doc:"The key's own project, or the one that an admin key picked."`
	}
}

// ProjectParameter picks the project of a request. It is exported because huma does not look into what is not.
type ProjectParameter struct {
	Project uint32 `query:"project" doc:"The project to ask about, with an admin key; default the key's own." example:"1"`
}

func (a *API) registerMe() {
	handle(a, huma.Operation{
		OperationID: "who-am-i", Method: http.MethodGet, Path: "/v1/me", Tags: []string{"operation"},
		Summary: "Tell what the key is good for",
	}, read, func(_ context.Context, c *call, _ *ProjectParameter) (*meAnswer, error) {
		out := &meAnswer{}
		out.Body.Kind, out.Body.Project = c.who.Kind, viewOf(c.project)
		return out, nil
	})
}
