package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/project"
)

// savedQuestion is a question of any kind, as it was written.
type savedQuestion struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (savedQuestion) Schema(r huma.Registry) *huma.Schema {
	return anyKind(r, func(k kind) reflect.Type { return k.question })
}

// InsightHead is an insight without its question. It is exported because huma does not look into embedded types that
// are not.
type InsightHead struct {
	ID          string    `json:"id" doc:"The insight's id, which stays the same." example:"q7Hd0mZx4K"`
	Name        string    `json:"name" doc:"What it is called." example:"Buyers by country"`
	Description string    `json:"description" doc:"What it is for."`
	Kind        string    `json:"kind" doc:"The kind of question." example:"trends"`
	Version     uint64    `json:"version" doc:"One more after each change; also the ETag." example:"1"`
	CreatedAt   time.Time `json:"created_at" doc:"When it was saved."`
	UpdatedAt   time.Time `json:"updated_at" doc:"When it was last changed."`
}

type insightView struct {
	InsightHead
	Question savedQuestion `json:"question" doc:"The question as it was saved; times such as -7d are counted from when it is asked."`
}

type insightAnswer struct {
	ETag string `header:"ETag" doc:"The version, to be given as If-Match with a change."`
	Body insightView
}

type insightsAnswer struct {
	Body struct {
		Insights []InsightHead `json:"insights" doc:"The saved questions, by name."`
	}
}

func headOf(i project.Insight) InsightHead {
	return InsightHead{i.ID, i.Name, i.Description, i.Kind, i.Version, i.CreatedAt, i.UpdatedAt}
}

func insightOf(i project.Insight) *insightAnswer {
	return &insightAnswer{versionTag(i.Version), insightView{headOf(i), savedQuestion{i.Question}}}
}

// insightWish is what an insight is made with or changed to.
type insightWish struct {
	Name        *string        `json:"name,omitempty" doc:"1 to 100 characters. Needed for a new one." example:"Buyers by country"`
	Description *string        `json:"description,omitempty" doc:"At most 2,000 characters."`
	Question    *savedQuestion `json:"question,omitempty" doc:"A question of any kind as for POST /v1/query, at most 64 KiB. Needed for a new one."`
}

// InsightPath picks an insight. It is exported because huma does not look into what is not.
type InsightPath struct {
	ProjectParameter
	ID string `path:"insight" maxLength:"64" doc:"The insight's id." example:"q7Hd0mZx4K"`
}

type insightChange struct {
	InsightPath
	IfMatch string `header:"If-Match" doc:"The ETag that was read: when the insight is another by now, nothing is changed (412)."`
}

// version is the one that If-Match asks for, 0 for any.
func (in *insightChange) version() (uint64, error) {
	version, ok := versionOf(in.IfMatch)
	if !ok {
		return 0, project.InsightChanged(in.ID)
	}
	return version, nil
}

type insightQuestion struct {
	QueryParameters
	ID string `path:"insight" maxLength:"64" doc:"The insight's id." example:"q7Hd0mZx4K"`
}

func (a *API) registerInsights() {
	const path, one = "/v1/insights", "/v1/insights/{insight}"
	handle(a, huma.Operation{
		OperationID: "list-insights", Method: http.MethodGet, Path: path, Tags: []string{"questions"},
		Summary: "List the saved questions",
	}, read, a.listInsights)
	handle(a, huma.Operation{
		OperationID: "create-insight", Method: http.MethodPost, Path: path, Tags: []string{"questions"},
		Summary: "Save a question", DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict},
		Description: "The question is checked now and answered whenever it is asked. A project has 1,000 insights at most.",
	}, admin, a.createInsight)
	takes[insightWish](a, http.MethodPost, path, "The question and its name.", map[string]any{
		"name": "Purchases", "question": map[string]any{"kind": "trends", "series": []any{map[string]any{"events": []any{"purchase"}}}},
	})
	handle(a, huma.Operation{
		OperationID: "get-insight", Method: http.MethodGet, Path: one, Tags: []string{"questions"},
		Summary: "Read a saved question",
	}, read, a.getInsight)
	handle(a, huma.Operation{
		OperationID: "update-insight", Method: http.MethodPatch, Path: one, Tags: []string{"questions"},
		Summary: "Change a saved question", Errors: []int{http.StatusPreconditionFailed},
	}, admin, a.updateInsight)
	takes[insightWish](a, http.MethodPatch, one, "What is to be different; the rest stays.", map[string]any{"name": "Purchases a day"})
	handle(a, huma.Operation{
		OperationID: "delete-insight", Method: http.MethodDelete, Path: one, Tags: []string{"questions"},
		Summary: "Delete a saved question", Errors: []int{http.StatusPreconditionFailed},
	}, admin, a.deleteInsight)
	handle(a, huma.Operation{
		OperationID: "ask-insight", Method: http.MethodGet, Path: one + "/answer", Tags: []string{"questions"},
		Summary:     "Ask a saved question",
		Description: "The answer is that of POST /v1/query to the question.",
		Responses:   a.replies(), Errors: []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
	}, read, a.askInsight)
}

func (a *API) listInsights(ctx context.Context, c *call, _ *ProjectParameter) (*insightsAnswer, error) {
	list, err := a.opts.Projects.Insights(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	out := &insightsAnswer{}
	out.Body.Insights = make([]InsightHead, 0, len(list))
	for _, i := range list {
		out.Body.Insights = append(out.Body.Insights, headOf(i))
	}
	return out, nil
}

func (a *API) createInsight(ctx context.Context, c *call, _ *ProjectParameter) (*insightAnswer, error) {
	change, err := a.insightChange(c)
	if err != nil {
		return nil, err
	}
	i, err := a.opts.Projects.CreateInsight(ctx, c.actor(), c.project.ID, change)
	if err != nil {
		return nil, err
	}
	return insightOf(i), nil
}

// insightChange reads what an insight is to be, and checks that its question can be asked.
func (a *API) insightChange(c *call) (out project.InsightChange, err error) {
	wish, err := body[insightWish](c)
	if err != nil {
		return out, err
	}
	out = project.InsightChange{Name: wish.Name, Description: wish.Description}
	if wish.Question == nil {
		return out, nil
	}
	kind, err := kindOfQuestion(wish.Question.RawMessage)
	if err != nil {
		return out, under("question", err)
	}
	if _, err := kind.read(wish.Question.RawMessage, a.opts.Engine, c.scope()); err != nil {
		return out, under("question", err)
	}
	out.Kind, out.Question = kind.name, wish.Question.RawMessage
	return out, nil
}

func (a *API) getInsight(ctx context.Context, c *call, in *InsightPath) (*insightAnswer, error) {
	i, err := a.opts.Projects.Insight(ctx, c.project.ID, in.ID)
	if err != nil {
		return nil, err
	}
	return insightOf(i), nil
}

func (a *API) updateInsight(ctx context.Context, c *call, in *insightChange) (*insightAnswer, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	change, err := a.insightChange(c)
	if err != nil {
		return nil, err
	}
	i, err := a.opts.Projects.UpdateInsight(ctx, c.actor(), c.project.ID, in.ID, version, change)
	if err != nil {
		return nil, err
	}
	return insightOf(i), nil
}

func (a *API) deleteInsight(ctx context.Context, c *call, in *insightChange) (*nothing, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return nil, a.opts.Projects.DeleteInsight(ctx, c.actor(), c.project.ID, in.ID, version)
}

func (a *API) askInsight(ctx context.Context, c *call, in *insightQuestion) (*huma.StreamResponse, error) {
	i, err := a.opts.Projects.Insight(ctx, c.project.ID, in.ID)
	if err != nil {
		return nil, err
	}
	return a.reply(ctx, c, &in.QueryParameters, i.Question)
}
