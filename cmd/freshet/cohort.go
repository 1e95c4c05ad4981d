package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/freshet/freshet/internal/client"
)

type cohortCmd struct {
	List   cohortListCmd   `cmd:"" help:"List the cohorts."`
	Create cohortCreateCmd `cmd:"" help:"Create a cohort from a definition."`
	Delete cohortDeleteCmd `cmd:"" help:"Delete a cohort."`
	People cohortPeopleCmd `cmd:"" help:"List the people of a cohort."`
}

var cohortColumns = []string{"id", "name", "static", "frozen", "uses", "updated_at"}

// cohortFlags ask about cohorts.
type cohortFlags struct{ askFlags }

func (f cohortFlags) request(method, path string) client.Request {
	return f.askFlags.request(method, "/v1/cohorts"+path)
}

type cohortListCmd struct{ cohortFlags }

func (c *cohortListCmd) Run(ctx context.Context, s streams) error {
	return call(ctx, s, c.serverFlags, c.JSON, c.request(http.MethodGet, ""), nil, "cohorts", cohortColumns...)
}

type cohortCreateCmd struct {
	cohortFlags
	Name        string `arg:"" help:"The cohort's name."`
	Definition  string `arg:"" placeholder:"FILE" help:"File with the definition as JSON, - for standard input."`
	Static      bool   `help:"Keep the people that are in it now."`
	Description string `help:"What it is for."`
}

// Help implements kong.HelpProvider.
func (cohortCreateCmd) Help() string {
	return `  echo '{"did":{"events":["purchase"],"at_least":3,"range":{"from":"-30d"}}}' | freshet cohort create Regulars -
  freshet query -e app_opened --json        then: "where": {"cohort": "Regulars", "op": "in"} in the question`
}

func (c *cohortCreateCmd) Run(ctx context.Context, s streams) error {
	definition, err := documentOf(c.Definition, "definition", s)
	if err != nil {
		return err
	}
	body := map[string]any{"name": c.Name, "definition": definition}
	if c.Static {
		body["static"] = true
	}
	if c.Description != "" {
		body["description"] = c.Description
	}
	return call(ctx, s, c.serverFlags, c.JSON, c.request(http.MethodPost, ""), body, "cohorts", cohortColumns...)
}

// contentOf reads a file, or standard input for -.
func contentOf(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

type cohortDeleteCmd struct {
	cohortFlags
	ID string `arg:"" help:"The cohort's number, as in freshet cohort list."`
}

func (c *cohortDeleteCmd) Run(ctx context.Context, s streams) error {
	r := c.request(http.MethodDelete, "/"+url.PathEscape(c.ID))
	if err := call(ctx, s, c.serverFlags, c.JSON, r, nil, ""); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, map[string]string{"deleted": c.ID})
	}
	_, err := fmt.Fprintf(s.out, "cohort %s is deleted\n", c.ID)
	return err
}

type cohortPeopleCmd struct {
	cohortFlags
	ID     string `arg:"" help:"The cohort's number, as in freshet cohort list."`
	Limit  int    `default:"50" help:"How many people at most, up to 1000."`
	Cursor string `help:"Where the page before ended: its next."`
}

func (c *cohortPeopleCmd) Run(ctx context.Context, s streams) error {
	r := c.request(http.MethodGet, "/"+url.PathEscape(c.ID)+"/people")
	r.Query.Set("limit", strconv.Itoa(c.Limit))
	if c.Cursor != "" {
		r.Query.Set("cursor", c.Cursor)
	}
	return call(ctx, s, c.serverFlags, c.JSON, r, nil, "people", personColumns...)
}
