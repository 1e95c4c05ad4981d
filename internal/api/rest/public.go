package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/project"
)

const (
	// publicFor is how long an answer behind a public link is given to everybody who asks, so that a link that many open
	// is no more work than one that one person opens.
	publicFor = 30 * time.Second
	// publicTimeout bounds the work on such an answer.
	publicTimeout = 30 * time.Second
)

// publicTile is a tile as those see it who have only the link.
type publicTile struct {
	ID    string `json:"id" doc:"The tile's id." example:"a1"`
	X     int    `json:"x" doc:"The column it begins in, from 0; there are 12." example:"0"`
	Y     int    `json:"y" doc:"The row it begins in, from 0." example:"0"`
	W     int    `json:"w" doc:"How many columns it is wide." example:"6"`
	H     int    `json:"h" doc:"How many rows it is high." example:"4"`
	Title string `json:"title" doc:"What it is called; may be empty."`
	View  string `json:"view,omitempty" doc:"The picture; without one the usual of its kind." example:"number"`
	Text  string `json:"text,omitempty" doc:"Its words; a tile without any has an answer."`
}

type publicDashboard struct {
	Body struct {
		Name        string       `json:"name" doc:"What the dashboard is called." example:"App health"`
		Description string       `json:"description" doc:"What it is for."`
		Timezone    string       `json:"timezone" doc:"The time zone in which days and weeks are cut." example:"Europe/Berlin"`
		Refresh     int          `json:"refresh_seconds" doc:"How long an answer stays the same; asking more often is of no use." example:"30"`
		Tiles       []publicTile `json:"tiles" doc:"What is on it."`
	}
}

// LinkPath picks a dashboard by its public link. It is exported because huma does not look into what is not.
type LinkPath struct {
	Token string `path:"token" maxLength:"64" doc:"The secret of the link." example:"fd_…"`
}

type linkedTile struct {
	LinkPath
	Tile string `path:"tile" maxLength:"64" doc:"The tile's id." example:"a1"`
}

func (a *API) registerPublic() {
	const one = "/v1/public/dashboards/{token}"
	handle(a, huma.Operation{
		OperationID: "get-public-dashboard", Method: http.MethodGet, Path: one, Tags: []string{"dashboards"},
		Summary: "Read a dashboard through its public link", Errors: []int{http.StatusTooManyRequests},
		Description: "No key is needed. What the questions filter by is left out, and no route leads from here to the people behind a number.",
	}, public, a.publicDashboard)
	content := a.mediaTypes()
	handle(a, huma.Operation{
		OperationID: "ask-public-tile", Method: http.MethodGet, Path: one + "/answers/{tile}", Tags: []string{"dashboards"},
		Summary:     "Ask the question of a tile through the public link",
		Description: "The answer is that of POST /v1/query, without the filters of the question. It stays the same for up to 30 seconds.",
		Responses:   answers("The answer.", map[string]*huma.MediaType{"application/json": content["application/json"]}),
		Errors:      []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
	}, public, a.publicAnswer)
}

// linked finds the dashboard of a link, and makes its project the call's.
func (a *API) linked(ctx context.Context, c *call, token string) (d project.Dashboard, tiles []tileView, err error) {
	d, err = a.opts.Projects.SharedDashboard(ctx, token)
	if !a.visits.pass(d.ID) { // all links that open nothing share one allowance
		return d, nil, &event.Error{
			Kind: event.Overloaded, Code: "too_many_requests", Wait: time.Second, Message: "this link is asked too often at the moment",
		}
	}
	if err != nil {
		return d, nil, err
	}
	p, ok := a.opts.Projects.Project(d.Project)
	if !ok {
		return d, nil, project.NoSuchLink()
	}
	c.project = p
	tiles, err = tilesOf(d)
	return d, tiles, err
}

func (a *API) publicDashboard(ctx context.Context, c *call, in *LinkPath) (*publicDashboard, error) {
	d, tiles, err := a.linked(ctx, c, in.Token)
	if err != nil {
		return nil, err
	}
	insights, err := a.opts.Projects.Insights(ctx, d.Project)
	if err != nil {
		return nil, err
	}
	out := &publicDashboard{}
	out.Body.Name, out.Body.Description, out.Body.Timezone = d.Name, d.Description, c.project.Timezone
	out.Body.Refresh, out.Body.Tiles = int(publicFor/time.Second), make([]publicTile, 0, len(tiles))
	for _, t := range tiles {
		if at := slices.IndexFunc(insights, func(i project.Insight) bool { return i.ID == t.Insight }); t.Title == "" && at >= 0 {
			t.Title = insights[at].Name
		}
		out.Body.Tiles = append(out.Body.Tiles, publicTile{t.ID, t.X, t.Y, t.W, t.H, t.Title, t.View, t.Text})
	}
	return out, nil
}

func (a *API) publicAnswer(ctx context.Context, c *call, in *linkedTile) (*huma.StreamResponse, error) {
	_, tiles, err := a.linked(ctx, c, in.Token)
	if err != nil {
		return nil, err
	}
	question, err := a.questionOf(ctx, c, tiles, in.Tile)
	if err != nil {
		return nil, err
	}
	key := cacheKey(c.scope(), uint64(a.opts.Now().UnixNano()/int64(publicFor)), "public|"+string(question))
	body, ok := a.opts.Cache.Get(ctx, key)
	if !ok {
		if body, err = a.askPublic(ctx, c, question); err != nil {
			return nil, err
		}
		a.opts.Cache.Set(key, body)
	}
	return &huma.StreamResponse{Body: func(huma.Context) {
		c.w.Header().Set("Content-Type", "application/json")
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = c.w.Write(body) // the reader may be gone; there is nobody to tell
	}}, nil
}

// questionOf finds the question of a tile.
func (a *API) questionOf(ctx context.Context, c *call, tiles []tileView, id string) (json.RawMessage, error) {
	at := slices.IndexFunc(tiles, func(t tileView) bool { return t.ID == id && t.Text == "" })
	if at < 0 {
		return nil, event.Errorf(event.NotFound, "no_such_tile", "the dashboard has no question %q", id)
	}
	if q := tiles[at].Question; q != nil {
		return q.RawMessage, nil
	}
	i, err := a.opts.Projects.Insight(ctx, c.project.ID, tiles[at].Insight)
	return i.Question, err
}

// askPublic is the whole answer without what the question filters by, which may name people.
func (a *API) askPublic(ctx context.Context, c *call, question json.RawMessage) ([]byte, error) {
	answer, err := a.whole(ctx, c.scope(), &QueryParameters{}, question, publicTimeout)
	if err != nil {
		return nil, err
	}
	return withoutFilters(answer)
}

func withoutFilters(answer []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(answer, &fields); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	read := json.NewDecoder(bytes.NewReader(fields["question"]))
	read.UseNumber()
	var question any
	if err := read.Decode(&question); err != nil {
		return nil, fmt.Errorf("read the question of the answer: %w", err)
	}
	dropFilters(question)
	var err error
	if fields["question"], err = json.Marshal(question); err != nil {
		return nil, fmt.Errorf("write the question of the answer: %w", err)
	}
	return json.Marshal(fields)
}

func dropFilters(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "where")
		for _, inner := range v {
			dropFilters(inner)
		}
	case []any:
		for _, inner := range v {
			dropFilters(inner)
		}
	}
}
