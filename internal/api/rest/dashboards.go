package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/project"
)

// DashboardHead is a dashboard without its tiles. It is exported because huma does not look into embedded types that are
// not.
type DashboardHead struct {
	ID          string     `json:"id" doc:"The dashboard's id, which stays the same." example:"q7Hd0mZx4K"`
	Name        string     `json:"name" doc:"What it is called." example:"App health"`
	Description string     `json:"description" doc:"What it is for."`
	SharedAt    *time.Time `json:"shared_at,omitempty" doc:"When its public link was made; absent if it has none."`
	Version     uint64     `json:"version" doc:"One more after each change; also the ETag." example:"1"`
	CreatedAt   time.Time  `json:"created_at" doc:"When it was made."`
	UpdatedAt   time.Time  `json:"updated_at" doc:"When it was last changed."`
}

type dashboardView struct {
	DashboardHead
	Tiles []tileView `json:"tiles" doc:"What is on it; no two lie over each other."`
}

type dashboardAnswer struct {
	ETag string `header:"ETag" doc:"The version, to be given as If-Match with a change."`
	Body dashboardView
}

type dashboardsAnswer struct {
	Body struct {
		Dashboards []DashboardHead `json:"dashboards" doc:"The dashboards, by name."`
	}
}

func headOfDashboard(d project.Dashboard) DashboardHead {
	head := DashboardHead{d.ID, d.Name, d.Description, nil, d.Version, d.CreatedAt, d.UpdatedAt}
	if d.Link != nil {
		head.SharedAt = &d.Link.Since
	}
	return head
}

func dashboardOf(d project.Dashboard) (*dashboardAnswer, error) {
	tiles, err := tilesOf(d)
	if err != nil {
		return nil, err
	}
	return &dashboardAnswer{versionTag(d.Version), dashboardView{headOfDashboard(d), tiles}}, nil
}

func tilesOf(d project.Dashboard) ([]tileView, error) {
	tiles := []tileView{}
	if err := json.Unmarshal(d.Tiles, &tiles); err != nil {
		return nil, fmt.Errorf("read the tiles of dashboard %s: %w", d.ID, err)
	}
	return tiles, nil
}

// dashboardWish is what a dashboard is made with or changed to.
type dashboardWish struct {
	Name        *string     `json:"name,omitempty" doc:"1 to 100 characters. Needed for a new one." example:"App health"`
	Description *string     `json:"description,omitempty" doc:"At most 2,000 characters."`
	Tiles       *[]tileView `json:"tiles,omitempty" doc:"All of its tiles, at most 60."`
}

// DashboardPath picks a dashboard. It is exported because huma does not look into what is not.
type DashboardPath struct {
	ProjectParameter
	ID string `path:"dashboard" maxLength:"64" doc:"The dashboard's id." example:"q7Hd0mZx4K"`
}

type dashboardChange struct {
	DashboardPath
	IfMatch string `header:"If-Match" doc:"The ETag that was read: when the dashboard is another by now, nothing is changed (412)."`
}

// version is the one that If-Match asks for, 0 for any.
func (in *dashboardChange) version() (uint64, error) {
	version, ok := versionOf(in.IfMatch)
	if !ok {
		return 0, project.DashboardChanged(in.ID)
	}
	return version, nil
}

type linkAnswer struct {
	ETag string `header:"ETag" doc:"The version of the dashboard, to be given as If-Match with a change."`
	Body struct {
		DashboardHead
		Token string `json:"token" doc:"The secret of the link, which is /shared#token. It is not stored and cannot be shown again." example:"fd_…"`
	}
}

func (a *API) registerDashboards() {
	const path, one = "/v1/dashboards", "/v1/dashboards/{dashboard}"
	handle(a, huma.Operation{
		OperationID: "list-dashboards", Method: http.MethodGet, Path: path, Tags: []string{"dashboards"},
		Summary: "List the dashboards",
	}, read, a.listDashboards)
	handle(a, huma.Operation{
		OperationID: "create-dashboard", Method: http.MethodPost, Path: path, Tags: []string{"dashboards"},
		Summary: "Make a dashboard", DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict},
		Description: "Its questions are checked now and answered whenever somebody looks. A project has 200 dashboards at most.",
	}, admin, a.createDashboard)
	takes[dashboardWish](a, http.MethodPost, path, "The name and what is on it.", map[string]any{
		"name": "App health", "tiles": []any{map[string]any{"id": "a", "x": 0, "y": 0, "w": 6, "h": 4, "insight": "q7Hd0mZx4K"}},
	})
	handle(a, huma.Operation{
		OperationID: "get-dashboard", Method: http.MethodGet, Path: one, Tags: []string{"dashboards"},
		Summary: "Read a dashboard",
	}, read, a.getDashboard)
	handle(a, huma.Operation{
		OperationID: "update-dashboard", Method: http.MethodPatch, Path: one, Tags: []string{"dashboards"},
		Summary: "Change a dashboard", Errors: []int{http.StatusPreconditionFailed},
	}, admin, a.updateDashboard)
	takes[dashboardWish](a, http.MethodPatch, one, "What is to be different; the rest stays, but tiles are replaced all together.",
		map[string]any{"name": "Health of the app"})
	handle(a, huma.Operation{
		OperationID: "delete-dashboard", Method: http.MethodDelete, Path: one, Tags: []string{"dashboards"},
		Summary: "Delete a dashboard", Errors: []int{http.StatusPreconditionFailed},
	}, admin, a.deleteDashboard)
	handle(a, huma.Operation{
		OperationID: "share-dashboard", Method: http.MethodPost, Path: one + "/link", Tags: []string{"dashboards"},
		Summary: "Make a public link and show it, once", DefaultStatus: http.StatusCreated,
		Description: "Everybody who has the link sees the dashboard, and nothing else. A link that was made before is revoked.",
	}, admin, a.shareDashboard)
	handle(a, huma.Operation{
		OperationID: "unshare-dashboard", Method: http.MethodDelete, Path: one + "/link", Tags: []string{"dashboards"},
		Summary: "Revoke the public link at once", Description: "Without a link this is no error.",
	}, admin, a.unshareDashboard)
}

func (a *API) listDashboards(ctx context.Context, c *call, _ *ProjectParameter) (*dashboardsAnswer, error) {
	list, err := a.opts.Projects.Dashboards(ctx, c.project.ID)
	if err != nil {
		return nil, err
	}
	out := &dashboardsAnswer{}
	out.Body.Dashboards = make([]DashboardHead, 0, len(list))
	for _, d := range list {
		out.Body.Dashboards = append(out.Body.Dashboards, headOfDashboard(d))
	}
	return out, nil
}

func (a *API) createDashboard(ctx context.Context, c *call, _ *ProjectParameter) (*dashboardAnswer, error) {
	change, err := a.dashboardChange(c)
	if err != nil {
		return nil, err
	}
	d, err := a.opts.Projects.CreateDashboard(ctx, c.actor(), c.project.ID, change)
	if err != nil {
		return nil, err
	}
	return dashboardOf(d)
}

// dashboardChange reads what a dashboard is to be, and checks its tiles.
func (a *API) dashboardChange(c *call) (out project.DashboardChange, err error) {
	wish, err := body[dashboardWish](c)
	if err != nil {
		return out, err
	}
	out = project.DashboardChange{Name: wish.Name, Description: wish.Description}
	if wish.Tiles == nil {
		return out, nil
	}
	if err := a.checkTiles(*wish.Tiles, c.scope()); err != nil {
		return out, err
	}
	if out.Tiles, err = json.Marshal(*wish.Tiles); err != nil {
		return out, fmt.Errorf("write the tiles: %w", err)
	}
	return out, nil
}

func (a *API) getDashboard(ctx context.Context, c *call, in *DashboardPath) (*dashboardAnswer, error) {
	d, err := a.opts.Projects.Dashboard(ctx, c.project.ID, in.ID)
	if err != nil {
		return nil, err
	}
	return dashboardOf(d)
}

func (a *API) updateDashboard(ctx context.Context, c *call, in *dashboardChange) (*dashboardAnswer, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	change, err := a.dashboardChange(c)
	if err != nil {
		return nil, err
	}
	d, err := a.opts.Projects.UpdateDashboard(ctx, c.actor(), c.project.ID, in.ID, version, change)
	if err != nil {
		return nil, err
	}
	return dashboardOf(d)
}

func (a *API) deleteDashboard(ctx context.Context, c *call, in *dashboardChange) (*nothing, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return nil, a.opts.Projects.DeleteDashboard(ctx, c.actor(), c.project.ID, in.ID, version)
}

func (a *API) shareDashboard(ctx context.Context, c *call, in *DashboardPath) (*linkAnswer, error) {
	d, token, err := a.opts.Projects.ShareDashboard(ctx, c.actor(), c.project.ID, in.ID)
	if err != nil {
		return nil, err
	}
	out := &linkAnswer{ETag: versionTag(d.Version)}
	out.Body.DashboardHead, out.Body.Token = headOfDashboard(d), token
	return out, nil
}

func (a *API) unshareDashboard(ctx context.Context, c *call, in *DashboardPath) (*nothing, error) {
	_, err := a.opts.Projects.UnshareDashboard(ctx, c.actor(), c.project.ID, in.ID)
	return nil, err
}
