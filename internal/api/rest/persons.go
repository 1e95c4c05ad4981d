package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

type personsQuery struct {
	ProjectParameter
	Q      string `query:"q" maxLength:"512" doc:"What an id, or the text of a trait such as a name or an email address, begins with; upper and lower case are the same. Default everybody." example:"ann"`
	Trait  string `query:"trait" maxLength:"512" doc:"Look into this trait only, and not at ids." example:"email"`
	Cursor string `query:"cursor" maxLength:"256" doc:"Where to go on: next of the page before."`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"How many people at most."`
}

// PersonPath picks a person by any id. It is exported because huma does not look into what is not.
type PersonPath struct {
	ProjectParameter
	ID string `path:"person" maxLength:"1100" doc:"The number of a person, or a user id, an anonymous id or a device id; person:, user:, anonymous: or device: before it says which it is. Any of a person's ids will do." example:"1045237722846921733"`
}

type personEventsQuery struct {
	PersonPath
	Event  string `query:"event" maxLength:"512" doc:"Only events with this name." example:"purchase"`
	From   string `query:"from" maxLength:"64" doc:"The earliest time: an ISO 8601 time, a date in the project's time zone, or back from now as in -24h, -7d, -2w." example:"-7d"`
	To     string `query:"to" maxLength:"64" doc:"The first time that is too late, in the same forms." example:"now"`
	Where  string `query:"where" maxLength:"65536" doc:"A filter as in POST /v1/query, as JSON."`
	Cursor string `query:"cursor" maxLength:"256" doc:"Where to go on: next of the page before."`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"How many events at most."`
}

// MemberCohort is a cohort that somebody is in.
type MemberCohort struct {
	ID          string `json:"id" doc:"The cohort's number." example:"7"`
	Name        string `json:"name" doc:"What it is called." example:"Regulars"`
	Description string `json:"description" doc:"What it is for."`
	Static      bool   `json:"static" doc:"Whether it keeps the people that it had when it was frozen."`
}

// UnknownCohort is a cohort that cannot be evaluated.
type UnknownCohort struct {
	ID     string `json:"id" doc:"The cohort's number." example:"7"`
	Name   string `json:"name" doc:"What it is called." example:"Regulars"`
	Reason string `json:"reason" doc:"What is wrong with its definition."`
}

type personCohortsAnswer struct {
	Person    string          `json:"person" doc:"The number of the person."`
	Cohorts   []MemberCohort  `json:"cohorts" doc:"The cohorts that the person is in, by name."`
	Unknown   []UnknownCohort `json:"unknown,omitempty" doc:"Cohorts whose definitions are no longer good, so that nobody can tell."`
	Watermark store.Watermark `json:"watermark" doc:"Up to where that holds."`
}

func (a *API) registerPersons() {
	const path, one = "/v1/persons", "/v1/persons/{person}"
	tags, missing := []string{"people"}, []int{http.StatusNotFound}
	patient(a, huma.Operation{
		OperationID: "search-persons", Method: http.MethodGet, Path: path, Tags: tags,
		Summary: "Search people by an id or a trait",
		Description: "The people in the order of their last events, the latest first. Who has an event while you page moves to the beginning, so " +
			"that nobody comes twice. A whole id is found even if no event of the person carries it.",
	}, a.persons)
	patient(a, huma.Operation{
		OperationID: "get-person", Method: http.MethodGet, Path: one, Tags: tags, Errors: missing,
		Summary: "Get a person: traits, ids, counts",
		Description: "Any id that leads to the person will do, also one that was merged into another since. Ids are told by the events: one that came " +
			"with an event of the person but belongs to somebody else, as on a shared phone, is not among them.",
	}, func(_ context.Context, c *call, in *PersonPath) (work[query.Profile], error) {
		return func(ctx context.Context) (*query.Profile, error) { return a.opts.Engine.Profile(ctx, c.scope(), in.ID) }, nil
	})
	patient(a, huma.Operation{
		OperationID: "list-person-events", Method: http.MethodGet, Path: one + "/events", Tags: tags, Errors: missing,
		Summary: "Page through a person's events, newest first",
		Description: "Whatever ids they came with. Each tells the session that it belongs to, and whether it begins or ends it. Sessions are those that " +
			"the person's own events make. A cursor stays good while events arrive.",
	}, a.personEvents)
	patient(a, huma.Operation{
		OperationID: "list-person-cohorts", Method: http.MethodGet, Path: one + "/cohorts", Tags: tags, Errors: missing,
		Summary: "List the cohorts that a person is in",
	}, a.personCohorts)
}

func (a *API) persons(_ context.Context, c *call, in *personsQuery) (work[query.PersonPage], error) {
	return func(ctx context.Context) (*query.PersonPage, error) {
		return a.opts.Engine.Search(ctx, c.scope(), query.PersonFilter{Query: in.Q, Trait: in.Trait}, in.Cursor, in.Limit)
	}, nil
}

func (a *API) personEvents(_ context.Context, c *call, in *personEventsQuery) (work[query.PersonEvents], error) {
	events := EventParameters{Event: in.Event, From: in.From, To: in.To, Where: in.Where}
	f, err := events.filter(a, c)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*query.PersonEvents, error) {
		return a.opts.Engine.PersonEvents(ctx, c.scope(), in.ID, f, in.Cursor, in.Limit)
	}, nil
}

func (a *API) personCohorts(ctx context.Context, c *call, in *PersonPath) (work[personCohortsAnswer], error) {
	list, err := a.opts.Projects.Cohorts(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*personCohortsAnswer, error) {
		return a.cohortsWith(ctx, c.scope(), in.ID, list)
	}, nil
}

// cohortsWith picks those of the cohorts that a person is in.
func (a *API) cohortsWith(ctx context.Context, s query.Scope, person string, list []project.Cohort) (*personCohortsAnswer, error) {
	out := &personCohortsAnswer{Cohorts: []MemberCohort{}}
	var found []MemberCohort
	var resolved []*query.ResolvedCohort
	for _, k := range list {
		id := strconv.FormatUint(k.ID, 10)
		r, err := a.opts.Engine.ResolveCohort(s, id)
		var known *event.Error
		if errors.As(err, &known) && known.Kind == event.Invalid {
			out.Unknown = append(out.Unknown, UnknownCohort{id, k.Name, known.Message})
			continue
		}
		if err != nil {
			return nil, err
		}
		found, resolved = append(found, MemberCohort{id, k.Name, k.Description, k.Static}), append(resolved, r)
	}
	number, member, w, err := a.opts.Engine.Memberships(ctx, s, person, resolved)
	if err != nil {
		return nil, err
	}
	out.Person, out.Watermark = number, w
	for i := range found {
		if member[i] {
			out.Cohorts = append(out.Cohorts, found[i])
		}
	}
	return out, nil
}
