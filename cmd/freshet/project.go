package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/freshet/freshet/internal/client"
)

type projectCmd struct {
	List   projectListCmd   `cmd:"" help:"List the projects."`
	Create projectCreateCmd `cmd:"" help:"Create a project."`
	Update projectUpdateCmd `cmd:"" help:"Change a project's settings."`
}

type keyCmd struct {
	List   keyListCmd   `cmd:"" help:"List a project's keys; the keys themselves are not stored and cannot be shown."`
	Create keyCreateCmd `cmd:"" help:"Create a key and print it, once."`
	Revoke keyRevokeCmd `cmd:"" help:"Revoke a key at once."`
}

// call sends one request with an admin key and prints the answer, a list or one object, with the given columns.
func call(ctx context.Context, s streams, f serverFlags, asJSON bool, r client.Request, in any, list string, columns ...string) error {
	if err := f.needKey("an admin key"); err != nil {
		return err
	}
	cl, err := f.client(1)
	if err != nil {
		return err
	}
	defer cl.Close()
	if r.Method == http.MethodDelete {
		return cl.JSON(ctx, r, nil, nil)
	}
	var out any
	if err := cl.JSON(ctx, r, in, &out); err != nil {
		return err
	}
	if asJSON {
		return printJSON(s.out, out)
	}
	return printTable(s.out, rowsOf(out, list), columns...)
}

// rowsOf finds the objects of an answer: a list, a list under a name, or the answer itself.
func rowsOf(v any, list string) (rows []map[string]any) {
	if o, ok := v.(map[string]any); ok {
		inner, ok := o[list]
		if !ok {
			return []map[string]any{o}
		}
		v = inner
	}
	if l, ok := v.([]any); ok {
		for _, item := range l {
			if o, ok := item.(map[string]any); ok {
				rows = append(rows, o)
			}
		}
	}
	return rows
}

var projectColumns = []string{"id", "name", "timezone", "week_start", "retention_days", "session_gap_minutes", "events_per_second", "events_per_month"}

type projectListCmd struct {
	serverFlags
	jsonFlag
}

func (c *projectListCmd) Run(ctx context.Context, s streams) error {
	return call(ctx, s, c.serverFlags, c.JSON, client.Request{Method: http.MethodGet, Path: "/v1/projects"}, nil, "projects", projectColumns...)
}

type projectSettings struct {
	Timezone  *string `placeholder:"ZONE" help:"IANA time zone in which days and weeks are cut, such as Europe/Berlin."`
	WeekStart *string `placeholder:"DAY" help:"monday or sunday."`
	Retention *int    `placeholder:"DAYS" help:"Days that events are kept; 0 is for ever."`
	Gap       *int    `placeholder:"MINUTES" help:"Minutes of silence that end a session."`
	Rate      *int    `placeholder:"EVENTS" help:"Events a second that the project may send; 0 is what the server is set to."`
	Quota     *int    `placeholder:"EVENTS" help:"Events that the project may store in a month of UTC; further ones are refused. 0 is as many as come."`
}

func (p projectSettings) body(name *string) map[string]any {
	body := map[string]any{}
	if name != nil {
		body["name"] = *name
	}
	if p.Timezone != nil {
		body["timezone"] = *p.Timezone
	}
	if p.WeekStart != nil {
		body["week_start"] = *p.WeekStart
	}
	if p.Retention != nil {
		body["retention_days"] = *p.Retention
	}
	if p.Gap != nil {
		body["session_gap_minutes"] = *p.Gap
	}
	if p.Rate != nil {
		body["events_per_second"] = *p.Rate
	}
	if p.Quota != nil {
		body["events_per_month"] = *p.Quota
	}
	return body
}

type projectCreateCmd struct {
	serverFlags
	jsonFlag
	Name string `arg:"" help:"The project's name."`
	projectSettings
}

// Help implements kong.HelpProvider.
func (projectCreateCmd) Help() string {
	return `  freshet project create Shop --timezone Europe/Berlin --retention 365
  freshet key create 2 --kind write`
}

func (c *projectCreateCmd) Run(ctx context.Context, s streams) error {
	r := client.Request{Method: http.MethodPost, Path: "/v1/projects"}
	return call(ctx, s, c.serverFlags, c.JSON, r, c.body(&c.Name), "projects", projectColumns...)
}

type projectUpdateCmd struct {
	serverFlags
	jsonFlag
	ID   string  `arg:"" help:"The project's number."`
	Name *string `help:"The project's new name."`
	projectSettings
}

func (c *projectUpdateCmd) Run(ctx context.Context, s streams) error {
	body := c.body(c.Name)
	if len(body) == 0 {
		return usageError("nothing to change: give at least one of --name, --timezone, --week-start, --retention, --gap, --rate")
	}
	r := client.Request{Method: http.MethodPatch, Path: "/v1/projects/" + url.PathEscape(c.ID)}
	return call(ctx, s, c.serverFlags, c.JSON, r, body, "projects", projectColumns...)
}

type keyListCmd struct {
	serverFlags
	jsonFlag
	Project string `arg:"" help:"The project's number."`
}

func (c *keyListCmd) Run(ctx context.Context, s streams) error {
	r := client.Request{Method: http.MethodGet, Path: "/v1/projects/" + url.PathEscape(c.Project) + "/keys"}
	return call(ctx, s, c.serverFlags, c.JSON, r, nil, "keys", "id", "kind", "name", "created_at", "revoked_at")
}

type keyCreateCmd struct {
	serverFlags
	jsonFlag
	Project string `arg:"" help:"The project's number."`
	Kind    string `enum:"write,read,admin" default:"write" help:"write (send events), read (ask questions) or admin (everything)."`
	Name    string `help:"What the key is for."`
}

func (c *keyCreateCmd) Run(ctx context.Context, s streams) error {
	r := client.Request{Method: http.MethodPost, Path: "/v1/projects/" + url.PathEscape(c.Project) + "/keys"}
	body := map[string]any{"kind": c.Kind}
	if c.Name != "" {
		body["name"] = c.Name
	}
	return call(ctx, s, c.serverFlags, c.JSON, r, body, "keys", "id", "kind", "name", "key")
}

type keyRevokeCmd struct {
	serverFlags
	jsonFlag
	ID string `arg:"" help:"The key's id, as in freshet key list."`
}

func (c *keyRevokeCmd) Run(ctx context.Context, s streams) error {
	err := call(ctx, s, c.serverFlags, c.JSON, client.Request{Method: http.MethodDelete, Path: "/v1/keys/" + url.PathEscape(c.ID)}, nil, "")
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, map[string]string{"revoked": c.ID})
	}
	_, err = fmt.Fprintf(s.out, "key %s is revoked\n", c.ID)
	return err
}
