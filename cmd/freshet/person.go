package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/freshet/freshet/internal/client"
)

type personCmd struct {
	Find    personFindCmd    `cmd:"" help:"Find people by an id, a name or another trait."`
	Show    personShowCmd    `cmd:"" help:"Show a person: traits, ids, counts."`
	Events  personEventsCmd  `cmd:"" help:"List a person's events, newest first, with the borders of sessions."`
	Cohorts personCohortsCmd `cmd:"" help:"List the cohorts that a person is in."`
	Unlink  personUnlinkCmd  `cmd:"" help:"Take an id out of the person it was linked to."`
}

type personFindCmd struct {
	askFlags
	pageFlags
	Text  string `arg:"" optional:"" help:"What an id or a trait begins with; without it everybody, who was seen last first."`
	Trait string `help:"Look into this trait only, such as email."`
}

// Help implements kong.HelpProvider.
func (personFindCmd) Help() string {
	return `Upper and lower case are the same.

  freshet person find                              who was seen last
  freshet person find ann                          a user id, name or address that begins so
  freshet person find ann@ --trait email`
}

func (c *personFindCmd) Run(ctx context.Context, s streams) error {
	r := c.request(http.MethodGet, "/v1/persons")
	c.add(r.Query)
	for name, value := range map[string]string{"q": c.Text, "trait": c.Trait} {
		if value != "" {
			r.Query.Set(name, value)
		}
	}
	return paged(ctx, s, c.serverFlags, c.JSON, r, nil, "people", append(personColumns[:len(personColumns):len(personColumns)], "traits")...)
}

// onePerson picks one.
type onePerson struct {
	askFlags
	ID string `arg:"" help:"The person's number, or a user id, anonymous id or device id; user:, anonymous:, device: or person: before it says which."`
}

func (c onePerson) request(path string) client.Request {
	return c.askFlags.request(http.MethodGet, "/v1/persons/"+url.PathEscape(c.ID)+path)
}

type personShowCmd struct{ onePerson }

// Help implements kong.HelpProvider.
func (personShowCmd) Help() string {
	return `Ids that lead to the person are listed with the moment they were linked.

  freshet person show ann                          any of the person's ids will do
  freshet person show anonymous:7f3a --json`
}

func (c *personShowCmd) Run(ctx context.Context, s streams) error {
	var raw json.RawMessage
	if err := fetch(ctx, c.serverFlags, c.request(""), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, raw)
	}
	var p struct {
		Person     string
		FirstSeen  string `json:"first_seen"`
		LastSeen   string `json:"last_seen"`
		Events     int64
		Sessions   int64
		Traits     json.RawMessage
		Identities []map[string]any
		Names      []map[string]any
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	fmt.Fprintf(s.out, "person %s, %d events in %d sessions, %s to %s\n", p.Person, p.Events, p.Sessions, p.FirstSeen, p.LastSeen)
	if p.Traits != nil {
		fmt.Fprintf(s.out, "traits %s\n", p.Traits)
	}
	fmt.Fprintln(s.out)
	if err := printTable(s.out, p.Identities, "kind", "id", "events", "first_seen", "last_seen", "linked_at"); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	return printTable(s.out, p.Names, "event", "events", "last_seen")
}

type personEventsCmd struct {
	onePerson
	pageFlags
	Event string `short:"e" help:"Only events with this name."`
	From  string `help:"Begin of the range: -7d, 2026-03-01 or a time."`
	To    string `help:"End of the range."`
}

// Help implements kong.HelpProvider.
func (personEventsCmd) Help() string {
	return `The newest comes first; a line closes each session, behind the event that began it.

  freshet person events ann
  freshet person events ann -e purchase --from=-30d --json`
}

func (c *personEventsCmd) Run(ctx context.Context, s streams) error {
	r := c.request("/events")
	c.add(r.Query)
	for name, value := range map[string]string{"event": c.Event, "from": c.From, "to": c.To} {
		if value != "" {
			r.Query.Set(name, value)
		}
	}
	var raw json.RawMessage
	if err := fetch(ctx, c.serverFlags, r, nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, raw)
	}
	var page struct {
		Events []struct {
			Timestamp  string
			Event      string
			Properties json.RawMessage
			Session    *struct{ First bool }
		}
		Next string
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	for _, e := range page.Events {
		fmt.Fprintf(s.out, "%-30s  %s  %s\n", e.Timestamp, e.Event, e.Properties)
		if e.Session != nil && e.Session.First {
			fmt.Fprintln(s.out, "──")
		}
	}
	if page.Next != "" {
		fmt.Fprintf(s.out, "\nmore: --cursor %s\n", page.Next)
	}
	return nil
}

type personCohortsCmd struct{ onePerson }

func (c *personCohortsCmd) Run(ctx context.Context, s streams) error {
	return paged(ctx, s, c.serverFlags, c.JSON, c.request("/cohorts"), nil, "cohorts", "id", "name", "static", "description")
}
