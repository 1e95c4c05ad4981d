package rest

import (
	"context"
	"errors"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// Cohorts lets questions find the cohorts of the control plane.
type Cohorts struct{ Projects *project.Service }

var _ query.Cohorts = Cohorts{}

// Cohort implements query.Cohorts.
func (c Cohorts) Cohort(ctx context.Context, p store.ProjectID, named string) (query.Cohort, bool, error) {
	kept, err := c.Projects.Cohort(ctx, project.ID(p), named)
	var e *project.Error
	if errors.As(err, &e) && e.Kind == project.NotFound {
		return query.Cohort{}, false, nil
	}
	if err != nil {
		return query.Cohort{}, false, err
	}
	return query.Cohort{ID: kept.ID, Name: kept.Name, Definition: kept.Definition, Static: kept.Static, Version: kept.Version}, true, nil
}

// Frozen implements query.Cohorts.
func (c Cohorts) Frozen(ctx context.Context, p store.ProjectID, id uint64) ([]uint64, error) {
	return c.Projects.FrozenPeople(ctx, project.ID(p), id)
}
