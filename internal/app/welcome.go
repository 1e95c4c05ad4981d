package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/demo"
	"github.com/freshet/freshet/internal/project"
)

// sampleRate is the sample app's events a second, sampleHistory how much of its past is there from the start.
const (
	sampleRate    = 20
	sampleHistory = 6 * time.Hour
)

// welcome makes the first project and its keys, and tells the operator where everything is. Keys are written to Out
// only, once, and kept as hashes.
func (a *app) welcome(ctx context.Context) error {
	projects := a.projects.Projects()
	first := len(projects) == 0
	if first {
		name := "My app"
		p, err := a.projects.CreateProject(ctx, "system", project.Change{Name: &name})
		if found := a.projects.Projects(); err != nil && len(found) > 0 {
			projects, first = found, false // Another server that shares the control plane was faster, and has printed the keys.
		} else if err != nil {
			return fmt.Errorf("make the first project: %w", err)
		} else {
			projects = append(projects, p)
			if err := a.printKeys(ctx, p); err != nil {
				return err
			}
		}
	}
	if !first && !a.Config.Demo && !isTerminal(a.Out) {
		return nil
	}
	link := a.address + "/#key=" + url.QueryEscape(a.projects.Lend(projects[0].ID, project.Read))
	_, err := fmt.Fprintf(a.Out, `Dashboard    %s
             (signed in to read, until the server stops; an admin key works at any time)
Reference    %s/v1/docs
Metrics      %s/metrics
`, link, a.address, a.address)
	if err == nil && a.Config.Demo {
		_, err = fmt.Fprintf(a.Out, "Sample app   sending about %d events a second to project %d\n", sampleRate, projects[0].ID)
	}
	return err
}

func (a *app) printKeys(ctx context.Context, p project.Project) error {
	_, write, err := a.projects.CreateKey(ctx, "system", p.ID, project.Write, "first write key")
	if err != nil {
		return fmt.Errorf("make the first write key: %w", err)
	}
	_, admin, err := a.projects.CreateKey(ctx, "system", p.ID, project.Admin, "first admin key")
	if err != nil {
		return fmt.Errorf("make the first admin key: %w", err)
	}
	_, err = fmt.Fprintf(a.Out, `
Project %d is ready. These keys are shown once and stored as hashes only: keep them.

Write key    %s   (in the app's SDK)
Admin key    %s   (to change things on the page, for freshet query, project and key, and the API)

`, p.ID, write, admin)
	return err
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// sample runs the sample app against this server, over HTTP like any app. It goes on where it was when a batch is
// refused, because a sample must never be what stops.
func (a *app) sample(ctx context.Context) {
	c, err := client.New(a.address, a.projects.Lend(a.projects.Projects()[0].ID, project.Write), 2)
	if err != nil {
		a.Logger.Error("start the sample app", "error", err)
		return
	}
	defer c.Close()
	history := sampleHistory
	if _, end := a.lanes[0].log.Bounds(); end > 0 {
		history = 0
	}
	for ctx.Err() == nil {
		err := demo.Live(ctx, demo.LiveOptions{Rate: sampleRate, History: history, Send: func(ctx context.Context, body []byte) (uint64, error) {
			_, position, err := c.Send(ctx, client.Request{Path: "/v1/batch", Body: body})
			return position, err
		}})
		if err == nil {
			return
		}
		a.Logger.Warn("the sample app was refused and begins anew", "error", err)
		history = 0
		select {
		case <-ctx.Done():
		case <-time.After(reopenMost):
		}
	}
}
