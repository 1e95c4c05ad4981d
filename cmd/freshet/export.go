package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/freshet/freshet/internal/client"
)

type exportCmd struct {
	serverFlags
	jsonFlag
	Format  string `enum:"ndjson,csv" default:"ndjson" help:"ndjson or csv."`
	Out     string `short:"o" default:"-" placeholder:"FILE" help:"File to write; - is standard output."`
	Event   string `help:"Only this event."`
	Person  string `help:"Only this person."`
	UserID  string `help:"Only this user."`
	From    string `placeholder:"TIME" help:"Only events from this time on."`
	To      string `placeholder:"TIME" help:"Only events before this time."`
	Project string `placeholder:"ID" help:"Project to export, with an admin key."`
}

// Help implements kong.HelpProvider.
func (exportCmd) Help() string {
	return `Writes the stored events of a project, as the processor left them: duplicates removed, times corrected, persons resolved.

  freshet export -o events.ndjson
  freshet export --event purchase --from 2026-03-01 --format csv > purchases.csv`
}

func (c *exportCmd) Run(ctx context.Context, s streams) error {
	if err := c.needKey("a read or admin key"); err != nil {
		return err
	}
	cl, err := c.client(1)
	if err != nil {
		return err
	}
	defer cl.Close()
	q := url.Values{"format": {c.Format}}
	for name, v := range map[string]string{
		"event": c.Event, "person": c.Person, "user_id": c.UserID, "from": c.From, "to": c.To, "project": c.Project,
	} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if err := save(ctx, cl, client.Request{Method: http.MethodGet, Path: "/v1/export", Query: q}, c.Out, s.out); err != nil {
		return err
	}
	if c.JSON && c.Out != "-" {
		info, err := os.Stat(c.Out)
		if err != nil {
			return err
		}
		return printJSON(s.out, map[string]any{"bytes": info.Size(), "file": c.Out})
	}
	return nil
}

// save writes the body of an answer to a file, or for - to standard output.
func save(ctx context.Context, cl *client.Client, r client.Request, name string, stdout io.Writer) (err error) {
	resp, err := cl.Do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	out := stdout
	if name != "-" {
		f, err2 := os.Create(name)
		if err2 != nil {
			return err2
		}
		defer func() {
			if cerr := f.Close(); err == nil {
				err = cerr
			}
		}()
		out = f
	}
	if n, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("stopped after %d bytes: %w", n, err)
	}
	return nil
}
