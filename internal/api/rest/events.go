package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

// EventParameters pick events, for a page or an export. They are exported because huma does not look into what is not.
type EventParameters struct {
	ProjectParameter
	Event       string `query:"event" maxLength:"512" doc:"Only events with this name." example:"purchase"`
	UserID      string `query:"user_id" maxLength:"1024" doc:"Only events that carry this user id."`
	AnonymousID string `query:"anonymous_id" maxLength:"1024" doc:"Only events that carry this anonymous id."`
	Person      string `query:"person" maxLength:"20" doc:"Only events of this person, whatever ids they came with; a number in decimal digits as events carry it."`
	From        string `query:"from" maxLength:"64" doc:"The earliest time: an ISO 8601 time, a date in the project's time zone, or back from now as in -24h, -7d, -2w." example:"-7d"`
	To          string `query:"to" maxLength:"64" doc:"The first time that is too late, in the same forms." example:"now"`
	Where       string `query:"where" maxLength:"65536" doc:"A filter as in POST /v1/query, as JSON." example:"{\"property\":\"amount\",\"op\":\"gte\",\"value\":10}"`
}

func (p *EventParameters) filter(a *API, c *call) (f query.EventFilter, err error) {
	f = query.EventFilter{Event: p.Event, UserID: p.UserID, AnonymousID: p.AnonymousID, Person: p.Person}
	now, zone := a.opts.Now(), c.project.Location()
	if f.From, err = moment("from", p.From, now, zone); err != nil {
		return f, err
	}
	if f.To, err = moment("to", p.To, now, zone); err != nil {
		return f, err
	}
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		return f, invalid("bad_range", "from", "from (%s) must be before to (%s)", f.From.Format(time.RFC3339), f.To.Format(time.RFC3339))
	}
	if p.Where != "" {
		f.Where = new(query.Filter)
		if err := decode([]byte(p.Where), f.Where); err != nil {
			return f, under("where", err)
		}
	}
	return f, nil
}

// moment reads the bound of a range; nil when there is none.
func moment(field, text string, now time.Time, zone *time.Location) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if text == "now" {
		return &now, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.Year() >= 1 {
		return &t, nil
	}
	if t, err := time.ParseInLocation("2006-01-02", text, zone); err == nil && t.Year() >= 1 {
		return &t, nil
	}
	if t, ok := back(text, now.In(zone)); ok {
		return &t, nil
	}
	return nil, invalid("bad_time", field, "%q is neither an ISO 8601 time, nor a date, nor a time back from now such as -7d", text)
}

// back reads -24h, -7d, -2w.
func back(text string, now time.Time) (time.Time, bool) {
	if len(text) < 3 || text[0] != '-' {
		return now, false
	}
	n, err := strconv.ParseUint(text[1:len(text)-1], 10, 16)
	if err != nil {
		return now, false
	}
	switch text[len(text)-1] {
	case 'h':
		return now.Add(-time.Duration(n) * time.Hour), true
	case 'd':
		return now.AddDate(0, 0, -int(n)), true
	case 'w':
		return now.AddDate(0, 0, -7*int(n)), true
	}
	return now, false
}

type eventsQuery struct {
	EventParameters
	Cursor string `query:"cursor" maxLength:"256" doc:"Where to go on: next of the page before."`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"How many events at most."`
}

type eventsAnswer struct {
	Body *query.EventPage
}

func (a *API) registerEvents() {
	handle(a, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"events"},
		Summary:     "Page through the events, newest first",
		Description: "Events as they are stored: duplicates removed, times corrected, persons resolved. Paging is by cursor only, and a cursor stays good while events arrive.",
	}, read, func(ctx context.Context, c *call, in *eventsQuery) (*eventsAnswer, error) {
		f, err := in.filter(a, c)
		if err != nil {
			return nil, err
		}
		page, err := a.opts.Engine.Events(ctx, c.scope(), f, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return &eventsAnswer{page}, nil
	})
}
