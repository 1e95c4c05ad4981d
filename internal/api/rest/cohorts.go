package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// definition is who is in a cohort, as it was written.
type definition struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (definition) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[query.CohortDefinition](), true, "")
}

// CohortHead is a cohort without its definition. It is exported because huma does not look into embedded types that are
// not.
type CohortHead struct {
	ID          string     `json:"id" doc:"The cohort's number, which stays the same." example:"7"`
	Name        string     `json:"name" doc:"What it is called; unique in the project." example:"Regulars"`
	Description string     `json:"description" doc:"What it is for."`
	Static      bool       `json:"static" doc:"Whether it keeps the people that it had when it was frozen."`
	FrozenAt    *time.Time `json:"frozen_at,omitempty" doc:"When a static cohort was frozen."`
	Frozen      *int       `json:"frozen,omitempty" doc:"How many people a static cohort had then."`
	Uses        []string   `json:"uses" doc:"The numbers of the cohorts that its definition names."`
	Version     uint64     `json:"version" doc:"One more after each change; also the ETag." example:"1"`
	CreatedAt   time.Time  `json:"created_at" doc:"When it was made."`
	UpdatedAt   time.Time  `json:"updated_at" doc:"When it was last changed."`
}

type cohortView struct {
	CohortHead
	Definition definition `json:"definition" doc:"Who is in it, as it was written; times such as -7d are counted from when it is evaluated."`
}

type cohortAnswer struct {
	ETag string `header:"ETag" doc:"The version, to be given as If-Match with a change."`
	Body cohortView
}

type cohortsAnswer struct {
	Body struct {
		Cohorts []CohortHead `json:"cohorts" doc:"The cohorts, by name."`
	}
}

func headOfCohort(c project.Cohort) CohortHead {
	h := CohortHead{
		ID: strconv.FormatUint(c.ID, 10), Name: c.Name, Description: c.Description, Static: c.Static, FrozenAt: c.FrozenAt,
		Uses: []string{}, Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if c.Static {
		h.Frozen = &c.Frozen
	}
	for _, id := range c.Uses {
		h.Uses = append(h.Uses, strconv.FormatUint(id, 10))
	}
	return h
}

func cohortOf(c project.Cohort) *cohortAnswer {
	return &cohortAnswer{versionTag(c.Version), cohortView{headOfCohort(c), definition{c.Definition}}}
}

// newCohort is what a cohort is made with.
type newCohort struct {
	Name        *string     `json:"name" doc:"1 to 100 characters, not a number, unique in the project." example:"Regulars"`
	Description *string     `json:"description,omitempty" doc:"At most 2,000 characters."`
	Static      bool        `json:"static,omitempty" doc:"Keep the people that are in it now; else they are found whenever it is used."`
	Definition  *definition `json:"definition" doc:"Who is in it."`
}

// cohortWish is what a cohort is changed to.
type cohortWish struct {
	Name        *string     `json:"name,omitempty" doc:"1 to 100 characters, not a number, unique in the project." example:"Regulars"`
	Description *string     `json:"description,omitempty" doc:"At most 2,000 characters."`
	Definition  *definition `json:"definition,omitempty" doc:"Who is in it. A static cohort is frozen anew."`
}

// previewRequest is a definition to try.
type previewRequest struct {
	Definition *definition `json:"definition" doc:"Who is in the cohort."`
}

type previewAnswer struct {
	People    int             `json:"people" doc:"How many people are in it."`
	Watermark store.Watermark `json:"watermark" doc:"Up to where that holds."`
}

// CohortPath picks a cohort. It is exported because huma does not look into what is not.
type CohortPath struct {
	ProjectParameter
	ID string `path:"cohort" maxLength:"20" pattern:"^[0-9]+$" doc:"The cohort's number." example:"7"`
}

type cohortChange struct {
	CohortPath
	IfMatch string `header:"If-Match" doc:"The ETag that was read: when the cohort is another by now, nothing is changed (412)."`
}

// version is the one that If-Match asks for, 0 for any.
func (in *cohortChange) version() (uint64, error) {
	version, ok := versionOf(in.IfMatch)
	if !ok {
		return 0, project.CohortChanged(in.ID)
	}
	return version, nil
}

type cohortPeopleParameters struct {
	WaitParameters
	ID     string `path:"cohort" maxLength:"20" pattern:"^[0-9]+$" doc:"The cohort's number." example:"7"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"How many people at most."`
	Cursor string `query:"cursor" maxLength:"256" doc:"The next of the page before."`
}

const cohortExample = `{"name":"Regulars","definition":{"and":[{"did":{"events":["purchase"],"at_least":3,"range":{"from":"-30d"}}},
	{"not":{"property":{"property":"plan","op":"is","value":"free"}}}]}}`

func (a *API) registerCohorts() {
	const path, one = "/v1/cohorts", "/v1/cohorts/{cohort}"
	tags, slow := []string{"questions"}, []int{http.StatusTooManyRequests, http.StatusGatewayTimeout}
	handle(a, huma.Operation{
		OperationID: "list-cohorts", Method: http.MethodGet, Path: path, Tags: tags, Summary: "List the cohorts",
	}, read, a.listCohorts)
	handle(a, huma.Operation{
		OperationID: "create-cohort", Method: http.MethodPost, Path: path, Tags: tags, Summary: "Create a cohort",
		DefaultStatus: http.StatusCreated, Errors: append([]int{http.StatusConflict}, slow...),
		Description: "A cohort is a group of people with a name, for filters and breakdowns of any question. It is evaluated once, which checks its " +
			"definition. A project has 200 cohorts at most.",
	}, admin, a.createCohort)
	takes[newCohort](a, http.MethodPost, path, "The definition and its name.", example(cohortExample))
	patient(a, huma.Operation{
		OperationID: "preview-cohort", Method: http.MethodPost, Path: path + "/preview", Tags: tags,
		Summary: "Count the people of a definition",
	}, a.previewCohort)
	takes[previewRequest](a, http.MethodPost, path+"/preview", "The definition.",
		example(`{"definition":{"did":{"events":["purchase"],"at_least":3}}}`))
	handle(a, huma.Operation{
		OperationID: "get-cohort", Method: http.MethodGet, Path: one, Tags: tags, Summary: "Read a cohort",
	}, read, a.getCohort)
	handle(a, huma.Operation{
		OperationID: "update-cohort", Method: http.MethodPatch, Path: one, Tags: tags, Summary: "Change a cohort",
		Errors: append([]int{http.StatusConflict, http.StatusPreconditionFailed}, slow...),
	}, admin, a.updateCohort)
	takes[cohortWish](a, http.MethodPatch, one, "What is to be different; the rest stays.", map[string]any{"name": "Regular buyers"})
	handle(a, huma.Operation{
		OperationID: "delete-cohort", Method: http.MethodDelete, Path: one, Tags: tags, Summary: "Delete a cohort",
		Description: "A cohort that another one is made of stays (409).",
		Errors:      []int{http.StatusConflict, http.StatusPreconditionFailed},
	}, admin, a.deleteCohort)
	handle(a, huma.Operation{
		OperationID: "refresh-cohort", Method: http.MethodPost, Path: one + "/refresh", Tags: tags, Summary: "Freeze a static cohort anew",
		Errors: append([]int{http.StatusPreconditionFailed}, slow...),
	}, admin, a.refreshCohort)
	patient(a, huma.Operation{
		OperationID: "list-cohort-people", Method: http.MethodGet, Path: one + "/people", Tags: tags,
		Summary: "Page through the people of a cohort", Description: "The people in the order of their numbers, so that paging stays good while events arrive.",
	}, a.cohortPeople)
}

func (a *API) listCohorts(ctx context.Context, c *call, _ *ProjectParameter) (*cohortsAnswer, error) {
	list, err := a.opts.Projects.Cohorts(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	out := &cohortsAnswer{}
	out.Body.Cohorts = make([]CohortHead, 0, len(list))
	for _, one := range list {
		out.Body.Cohorts = append(out.Body.Cohorts, headOfCohort(one))
	}
	return out, nil
}

// evaluated is what a definition means now.
type evaluated struct {
	people    []uint64
	uses      []uint64
	watermark store.Watermark
}

// evaluate checks the definition of the cohort with a number, 0 for a new one, and finds its people.
func (a *API) evaluate(ctx context.Context, s query.Scope, id uint64, data json.RawMessage) (*evaluated, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTimeout)
	defer cancel()
	d := new(query.CohortDefinition)
	if err := decode(data, d); err != nil {
		return nil, under("definition", err)
	}
	r, err := a.opts.Engine.ResolveDefinition(s, id, d)
	if err != nil {
		return nil, err
	}
	out := &evaluated{uses: r.Uses()}
	if out.people, out.watermark, err = a.opts.Engine.CohortPeople(ctx, s, r); err != nil {
		return nil, err
	}
	if out.people == nil {
		out.people = []uint64{}
	}
	return out, nil
}

func (a *API) createCohort(ctx context.Context, c *call, _ *ProjectParameter) (*cohortAnswer, error) {
	wish, err := body[newCohort](c)
	if err != nil {
		return nil, err
	}
	change := project.CohortChange{Name: wish.Name, Description: wish.Description}
	if wish.Definition != nil {
		e, err := a.evaluate(ctx, c.scope(), 0, wish.Definition.RawMessage)
		if err != nil {
			return nil, err
		}
		change.Definition, change.Uses = wish.Definition.RawMessage, e.uses
		if wish.Static {
			change.People = e.people
		}
	}
	made, err := a.opts.Projects.CreateCohort(ctx, c.actor(), c.project.ID, wish.Static, change)
	if err != nil {
		return nil, err
	}
	return cohortOf(made), nil
}

func (a *API) previewCohort(_ context.Context, c *call, _ *ProjectParameter) (work[previewAnswer], error) {
	wish, err := body[previewRequest](c)
	if err != nil {
		return nil, err
	}
	if wish.Definition == nil {
		return nil, invalid("missing_field", "definition", "the body needs a definition")
	}
	return func(ctx context.Context) (*previewAnswer, error) {
		e, err := a.evaluate(ctx, c.scope(), 0, wish.Definition.RawMessage)
		if err != nil {
			return nil, err
		}
		return &previewAnswer{len(e.people), e.watermark}, nil
	}, nil
}

func (a *API) getCohort(ctx context.Context, c *call, in *CohortPath) (*cohortAnswer, error) {
	found, err := a.opts.Projects.Cohort(ctx, c.project.ID, in.ID)
	if err != nil {
		return nil, err
	}
	return cohortOf(found), nil
}

func (a *API) updateCohort(ctx context.Context, c *call, in *cohortChange) (*cohortAnswer, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	wish, err := body[cohortWish](c)
	if err != nil {
		return nil, err
	}
	change := project.CohortChange{Name: wish.Name, Description: wish.Description}
	if wish.Definition != nil {
		old, err := a.opts.Projects.Cohort(ctx, c.project.ID, in.ID)
		if err != nil {
			return nil, err
		}
		e, err := a.evaluate(ctx, c.scope(), old.ID, wish.Definition.RawMessage)
		if err != nil {
			return nil, err
		}
		change.Definition, change.Uses = wish.Definition.RawMessage, e.uses
		if old.Static {
			change.People = e.people
		}
	}
	changed, err := a.opts.Projects.UpdateCohort(ctx, c.actor(), c.project.ID, in.ID, version, change)
	if err != nil {
		return nil, err
	}
	return cohortOf(changed), nil
}

func (a *API) deleteCohort(ctx context.Context, c *call, in *cohortChange) (*nothing, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return nil, a.opts.Projects.DeleteCohort(ctx, c.actor(), c.project.ID, in.ID, version)
}

func (a *API) refreshCohort(ctx context.Context, c *call, in *CohortPath) (*cohortAnswer, error) {
	old, err := a.opts.Projects.Cohort(ctx, c.project.ID, in.ID)
	if err != nil {
		return nil, err
	}
	if !old.Static {
		return nil, invalid("not_static", "", "cohort %d is evaluated whenever it is used; there is nothing to refresh", old.ID)
	}
	e, err := a.evaluate(ctx, c.scope(), old.ID, old.Definition)
	if err != nil {
		return nil, err
	}
	fresh, err := a.opts.Projects.UpdateCohort(ctx, c.actor(), c.project.ID, in.ID, old.Version, project.CohortChange{People: e.people})
	if err != nil {
		return nil, err
	}
	return cohortOf(fresh), nil
}

func (a *API) cohortPeople(ctx context.Context, c *call, in *cohortPeopleParameters) (work[PeoplePage], error) {
	scope := c.scope()
	if _, err := a.opts.Projects.Cohort(ctx, c.project.ID, in.ID); err != nil {
		return nil, err
	}
	pages := &pager{scope: scope, hash: xxh3.HashStringSeed("cohort "+in.ID, uint64(scope.Project)), cursor: in.Cursor, limit: in.Limit}
	if err := pages.check(); err != nil {
		return nil, err
	}
	return waiting(a, scope.Project, &in.WaitParameters, func(ctx context.Context) (*PeoplePage, error) {
		r, err := a.opts.Engine.ResolveCohort(scope, in.ID)
		if err != nil {
			return nil, err
		}
		list, w, err := a.numbers(ctx, scope, "cohort|"+r.Key(), func(ctx context.Context) ([]uint64, store.Watermark, error) {
			return a.opts.Engine.CohortPeople(ctx, scope, r)
		})
		if err != nil {
			return nil, err
		}
		return a.page(ctx, pages, list, w)
	})
}
