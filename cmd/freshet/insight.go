package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/freshet/freshet/internal/client"
)

type insightCmd struct {
	List   insightListCmd   `cmd:"" help:"List the saved questions."`
	Show   insightShowCmd   `cmd:"" help:"Print a saved question."`
	Run    insightRunCmd    `cmd:"" help:"Ask a saved question and print the answer."`
	Save   insightSaveCmd   `cmd:"" help:"Save a question under a name, or change one that is saved."`
	Delete insightDeleteCmd `cmd:"" help:"Delete a saved question."`
}

var insightColumns = []string{"id", "name", "kind", "version", "updated_at"}

// insightFlags ask about saved questions.
type insightFlags struct{ askFlags }

func (f insightFlags) request(method, path string) client.Request {
	return f.askFlags.request(method, "/v1/insights"+path)
}

type insightListCmd struct{ insightFlags }

func (c *insightListCmd) Run(ctx context.Context, s streams) error {
	return paged(ctx, s, c.serverFlags, c.JSON, c.request(http.MethodGet, ""), nil, "insights", insightColumns...)
}

// oneInsight picks one.
type oneInsight struct {
	insightFlags
	ID string `arg:"" help:"The question's id, as in freshet insight list."`
}

func (c oneInsight) path() string { return "/" + url.PathEscape(c.ID) }

type insightShowCmd struct{ oneInsight }

// Help implements kong.HelpProvider.
func (insightShowCmd) Help() string {
	return `Prints the question alone, as freshet query and freshet insight save take it; with --json the rest too.

  freshet insight show q7Hd0mZx4K > question.json`
}

func (c *insightShowCmd) Run(ctx context.Context, s streams) error {
	var in struct{ Question json.RawMessage }
	var raw json.RawMessage
	if err := fetch(ctx, c.serverFlags, c.request(http.MethodGet, c.path()), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, raw)
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return printJSON(s.out, in.Question)
}

type insightRunCmd struct {
	oneInsight
	Values  bool          `help:"Print every bucket."`
	Timeout time.Duration `default:"10s" help:"How long the server may take."`
}

// Help implements kong.HelpProvider.
func (insightRunCmd) Help() string {
	return `Relative times such as -7d are counted from now.

  freshet insight run q7Hd0mZx4K                    the answer as freshet query prints it
  freshet insight run q7Hd0mZx4K --json`
}

func (c *insightRunCmd) Run(ctx context.Context, s streams) error {
	r := c.request(http.MethodGet, c.path()+"/answer")
	r.Query.Set("timeout", c.Timeout.String())
	var raw json.RawMessage
	if err := fetch(ctx, c.serverFlags, r, nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, raw)
	}
	return (&queryCmd{Values: c.Values}).printAnswer(s.out, raw)
}

type insightSaveCmd struct {
	insightFlags
	Name        string `arg:"" help:"The question's name."`
	Question    string `arg:"" placeholder:"FILE" help:"File with the question as JSON, - for standard input."`
	ID          string `placeholder:"ID" help:"Change the saved question with this id."`
	Description string `help:"What it is for."`
}

// Help implements kong.HelpProvider.
func (insightSaveCmd) Help() string {
	return `A question is checked when it is saved, and answered whenever it is asked.

  echo '{"kind":"trends","series":[{"events":["purchase"]}]}' | freshet insight save Purchases -
  freshet insight save 'Purchases a day' question.json --id q7Hd0mZx4K`
}

func (c *insightSaveCmd) Run(ctx context.Context, s streams) error {
	question, err := documentOf(c.Question, "question", s)
	if err != nil {
		return err
	}
	body := map[string]any{"name": c.Name, "question": question}
	if c.Description != "" {
		body["description"] = c.Description
	}
	r := c.request(http.MethodPost, "")
	if c.ID != "" {
		r = c.request(http.MethodPatch, "/"+url.PathEscape(c.ID))
	}
	return call(ctx, s, c.serverFlags, c.JSON, r, body, "", insightColumns...)
}

type insightDeleteCmd struct{ oneInsight }

func (c *insightDeleteCmd) Run(ctx context.Context, s streams) error {
	if err := call(ctx, s, c.serverFlags, c.JSON, c.request(http.MethodDelete, c.path()), nil, ""); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, map[string]string{"deleted": c.ID})
	}
	_, err := fmt.Fprintf(s.out, "question %s is deleted\n", c.ID)
	return err
}
