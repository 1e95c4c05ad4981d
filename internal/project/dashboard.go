package project

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	// MaxDashboards is how many dashboards a project may have.
	MaxDashboards = 200
	// maxTiles bounds the tiles of a dashboard, some of which may have a question of their own.
	maxTiles     = 256 << 10
	dashboardLen = 10
	// linkPrefix begins the secret of a public link, which has the form of a key and opens one dashboard only.
	linkPrefix = "fd_"
)

// Dashboard is an arrangement of questions and words under a name.
type Dashboard struct {
	// ID has 10 letters and digits. It is never used again and stays the same when the dashboard is changed.
	ID      string
	Project ID
	// Name has 1 to 100 characters; several dashboards may have the same.
	Name string
	// Description has at most 2,000 characters, line feeds among them.
	Description string
	// Tiles are what is on it, at most 256 KiB. What they mean is for the caller to know.
	Tiles json.RawMessage
	// Link lets everybody who knows its secret read the dashboard; nil: nobody.
	Link *Link
	// Version is 1 at first and one more after each change, of the link too.
	Version   uint64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Link is a public link to a dashboard.
type Link struct {
	Hash Hash
	// Since is when it was made.
	Since time.Time
}

// DashboardChange names what to set; nil leaves it as it is, or empty in a new dashboard.
type DashboardChange struct {
	Name, Description *string
	Tiles             json.RawMessage
}

// Dashboards returns the dashboards of a project by name, without their tiles. It asks the store.
func (s *Service) Dashboards(ctx context.Context, id ID) ([]Dashboard, error) {
	list, err := s.store.Dashboards(ctx, id)
	if err != nil {
		return nil, storeError("read the dashboards", err)
	}
	return list, nil
}

// Dashboard returns one dashboard of a project. It asks the store.
func (s *Service) Dashboard(ctx context.Context, p ID, id string) (Dashboard, error) {
	d, err := s.store.Dashboard(ctx, p, id)
	if err != nil {
		return Dashboard{}, storeError("read the dashboard", err)
	}
	return d, nil
}

// SharedDashboard returns the dashboard that a public link opens. A link that was revoked, or never made, is NoSuchLink.
func (s *Service) SharedDashboard(ctx context.Context, secret string) (Dashboard, error) {
	if !strings.HasPrefix(secret, linkPrefix) || !checked(secret) {
		return Dashboard{}, NoSuchLink()
	}
	d, err := s.store.SharedDashboard(ctx, hashOf(secret))
	if err != nil {
		return Dashboard{}, storeError("read the shared dashboard", err)
	}
	return d, nil
}

// CreateDashboard makes a dashboard. The name is required.
func (s *Service) CreateDashboard(ctx context.Context, actor string, p ID, c DashboardChange) (Dashboard, error) {
	if c.Name == nil {
		return Dashboard{}, invalid("bad_name", "name", "a dashboard needs a name of 1 to %d characters", maxName)
	}
	now := s.moment()
	d, err := c.apply(Dashboard{
		ID: string(appendRandom(nil, dashboardLen)), Project: p, Tiles: json.RawMessage("[]"), Version: 1, CreatedAt: now, UpdatedAt: now,
	})
	if err != nil {
		return Dashboard{}, err
	}
	audit := AuditEntry{At: now, Actor: actor, Action: "dashboard.create", Project: p, Detail: "dashboard " + d.label()}
	if err := s.store.CreateDashboard(ctx, d, MaxDashboards, audit); err != nil {
		return Dashboard{}, storeError("create the dashboard", err)
	}
	return d, nil
}

// UpdateDashboard changes a dashboard. version is the one that the caller has seen, 0 for whichever there is; another
// one is DashboardChanged. A change that changes nothing is neither written nor audited.
func (s *Service) UpdateDashboard(ctx context.Context, actor string, p ID, id string, version uint64, c DashboardChange) (Dashboard, error) {
	old, err := s.Dashboard(ctx, p, id)
	if err != nil {
		return Dashboard{}, err
	}
	if version != 0 && version != old.Version {
		return Dashboard{}, DashboardChanged(id)
	}
	d, err := c.apply(old)
	if err != nil {
		return Dashboard{}, err
	}
	detail := old.difference(d)
	if detail == "" {
		return old, nil
	}
	return s.replace(ctx, d, AuditEntry{Actor: actor, Action: "dashboard.update", Detail: "dashboard " + old.label() + ": " + detail})
}

// ShareDashboard makes a public link to a dashboard and returns its secret, which can never be seen again. The link that
// there was before, if any, opens nothing from then on.
func (s *Service) ShareDashboard(ctx context.Context, actor string, p ID, id string) (Dashboard, string, error) {
	d, err := s.Dashboard(ctx, p, id)
	if err != nil {
		return Dashboard{}, "", err
	}
	secret := newSecret(linkPrefix)
	audit := AuditEntry{Actor: actor, Action: "dashboard.share", Detail: "dashboard " + d.label()}
	if d.Link != nil {
		audit.Detail += "; the link of before is revoked"
	}
	d.Link = &Link{hashOf(secret), s.moment()}
	d, err = s.replace(ctx, d, audit)
	if err != nil {
		return Dashboard{}, "", err
	}
	return d, secret, nil
}

// UnshareDashboard makes the public link of a dashboard useless, for ever. Without one it does nothing.
func (s *Service) UnshareDashboard(ctx context.Context, actor string, p ID, id string) (Dashboard, error) {
	d, err := s.Dashboard(ctx, p, id)
	if err != nil || d.Link == nil {
		return d, err
	}
	d.Link = nil
	return s.replace(ctx, d, AuditEntry{Actor: actor, Action: "dashboard.unshare", Detail: "dashboard " + d.label()})
}

// DeleteDashboard removes a dashboard, and its public link, for good. version is as for UpdateDashboard.
func (s *Service) DeleteDashboard(ctx context.Context, actor string, p ID, id string, version uint64) error {
	old, err := s.Dashboard(ctx, p, id)
	if err != nil {
		return err
	}
	audit := AuditEntry{At: s.moment(), Actor: actor, Action: "dashboard.delete", Project: p, Detail: "dashboard " + old.label()}
	if version == 0 {
		version = old.Version
	}
	if err := s.store.DeleteDashboard(ctx, p, id, version, audit); err != nil {
		return storeError("delete the dashboard", err)
	}
	return nil
}

// replace writes the next version of a dashboard.
func (s *Service) replace(ctx context.Context, d Dashboard, audit AuditEntry) (Dashboard, error) {
	d.Version, d.UpdatedAt = d.Version+1, s.moment()
	audit.At, audit.Project = d.UpdatedAt, d.Project
	if err := s.store.UpdateDashboard(ctx, d, audit); err != nil {
		return Dashboard{}, storeError("update the dashboard", err)
	}
	return d, nil
}

// apply returns d with the change made, or what is wrong with the change.
func (c DashboardChange) apply(d Dashboard) (Dashboard, error) {
	var err error
	if c.Name != nil {
		if d.Name, err = validName(*c.Name, 1); err != nil {
			return d, err
		}
	}
	if c.Description != nil {
		if d.Description, err = validDescription(*c.Description); err != nil {
			return d, err
		}
	}
	if c.Tiles != nil {
		if len(c.Tiles) > maxTiles {
			return d, invalid("tiles_too_large", "tiles", "the tiles have %d bytes; %d are allowed", len(c.Tiles), maxTiles)
		}
		d.Tiles = c.Tiles
	}
	return d, nil
}

// label names a dashboard for the audit.
func (d Dashboard) label() string { return fmt.Sprintf("%s, %q", d.ID, d.Name) }

// difference says what is different in another version, for the audit.
func (d Dashboard) difference(next Dashboard) string {
	var parts []string
	if d.Name != next.Name {
		parts = append(parts, fmt.Sprintf("name %q", next.Name))
	}
	if d.Description != next.Description {
		parts = append(parts, "description")
	}
	if string(d.Tiles) != string(next.Tiles) {
		parts = append(parts, "tiles")
	}
	return strings.Join(parts, "; ")
}
