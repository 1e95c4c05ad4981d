package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/freshet/freshet/internal/client"
)

type peopleCmd struct {
	List    peopleListCmd    `cmd:"" help:"List the people behind a number of an answer."`
	Explain peopleExplainCmd `cmd:"" help:"Tell why a person is behind a number, or why not."`
}

// personColumns are what a table of people shows.
var personColumns = []string{"person", "user_id", "anonymous_id", "first_seen", "last_seen", "events"}

// cellFlags name a number of a question's answer.
type cellFlags struct {
	askFlags
	Question string `arg:"" placeholder:"FILE" help:"File with the question as JSON, - for standard input."`
	Cell     string `default:"{}" placeholder:"JSON" help:"Which number of the answer, such as '{\"state\":\"dropped\"}'; default the first one's total."`
}

// body is the question and the cell, ready for more.
func (f *cellFlags) body(s streams) (map[string]any, error) {
	question, err := documentOf(f.Question, "question", s)
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(f.Cell)) {
		return nil, usageError(`the cell is not JSON such as {"state":"dropped"}`)
	}
	return map[string]any{"question": question, "cell": json.RawMessage(f.Cell)}, nil
}

type peopleListCmd struct {
	cellFlags
	Limit  int    `default:"50" help:"How many people at most, up to 1000."`
	Cursor string `help:"Where the page before ended: its next."`
}

// Help implements kong.HelpProvider.
func (peopleListCmd) Help() string {
	return `The cell has the words of the answer: where a bucket starts, which step it is of, the values of the breakdown.

  freshet people list funnel.json --cell '{"state":"dropped"}'
  freshet people list funnel.json --cell '{"step":2,"breakdown":["DE"]}'
  freshet people list trend.json --cell '{"bucket":"2026-03-02T00:00:00Z"}' --json
  freshet person show 1045237722846921733          then: who one of them is`
}

func (c *peopleListCmd) Run(ctx context.Context, s streams) error {
	body, err := c.body(s)
	if err != nil {
		return err
	}
	body["limit"] = c.Limit
	if c.Cursor != "" {
		body["cursor"] = c.Cursor
	}
	return paged(ctx, s, c.serverFlags, c.JSON, c.request(http.MethodPost, "/v1/people"), body, "people", personColumns...)
}

// paged is call for a page of a list: the cursor of the next one stands below the table.
func paged(ctx context.Context, s streams, f serverFlags, asJSON bool, r client.Request, in any, list string, columns ...string) error {
	var out map[string]any
	if err := fetch(ctx, f, r, in, &out); err != nil {
		return err
	}
	if asJSON {
		return printJSON(s.out, out)
	}
	if err := printTable(s.out, rowsOf(out, list), columns...); err != nil {
		return err
	}
	if next, ok := out["next"].(string); ok {
		_, err := fmt.Fprintf(s.out, "\nmore: --cursor %s\n", next)
		return err
	}
	return nil
}

// fetch sends one request and reads its answer.
func fetch(ctx context.Context, f serverFlags, r client.Request, in, out any) error {
	if err := f.needKey("a read or admin key"); err != nil {
		return err
	}
	cl, err := f.client(1)
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.JSON(ctx, r, in, out)
}

type peopleExplainCmd struct {
	cellFlags
	Person string `arg:"" help:"The person's number, as in freshet people list."`
}

// Help implements kong.HelpProvider.
func (peopleExplainCmd) Help() string {
	return `Prints the reason, the events that decide, and the one change of the question or the cell with which the person would be in.

  freshet people explain funnel.json 1045237722846921733 --cell '{"state":"converted"}'`
}

func (c *peopleExplainCmd) Run(ctx context.Context, s streams) error {
	body, err := c.body(s)
	if err != nil {
		return err
	}
	body["person"] = c.Person
	var raw json.RawMessage
	if err := fetch(ctx, c.serverFlags, c.request(http.MethodPost, "/v1/people/explain"), body, &raw); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, raw)
	}
	var x struct {
		In       bool
		Reason   string
		Sentence string
		Events   []map[string]any
		Nearest  *struct{ Sentence string }
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	verdict := "out"
	if x.In {
		verdict = "in"
	}
	fmt.Fprintf(s.out, "%s (%s): %s\n", verdict, x.Reason, x.Sentence)
	if x.Nearest != nil {
		fmt.Fprintln(s.out, x.Nearest.Sentence)
	}
	if len(x.Events) == 0 {
		return nil
	}
	fmt.Fprintln(s.out)
	return printTable(s.out, x.Events, "timestamp", "event", "role", "id")
}
