package rest

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
)

// Roles are what a process does of what routes need. Every route is served by a process that has one of those it names, so each
// request has a place to go to in any split.
type Roles struct {
	// Ingest takes what goes into the log.
	Ingest bool
	// Process has the store and the log.
	Process bool
	// Query has the store.
	Query bool
	// Admin changes the control plane.
	Admin bool
}

// Routes by their operation, where the method does not tell: a GET asks the store, anything else changes the control plane.
var (
	//nolint:gochecknoglobals // a list that nobody changes
	ofAll = []string{"get-status", "get-operations", "who-am-i", "list-limits"}
	//nolint:gochecknoglobals // a list that nobody changes
	ofIngest = []string{"send-events"}
	// ofProcess look into the store and write to the log.
	//nolint:gochecknoglobals // a list that nobody changes
	ofProcess = []string{"replay-dead-letters", "unlink-person"}
	// ofQuery ask though they do not GET; a cohort is counted when it is made.
	//nolint:gochecknoglobals // a list that nobody changes
	ofQuery = []string{
		"query", "plan-query", "list-people", "export-people", "explain-person", "preview-cohort", "refresh-cohort", "create-cohort", "update-cohort",
	}
	// ofBoth read the control plane, which every process has.
	//nolint:gochecknoglobals // a list that nobody changes
	ofBoth = []string{
		"list-projects", "list-keys", "list-audit", "list-dashboards", "get-dashboard", "list-insights", "get-insight", "list-notes", "get-plan",
	}
)

// rolesOf names the roles of which one is enough for a route; none is for those that every process serves.
func rolesOf(op *huma.Operation) []string {
	has := func(list []string) bool { return slices.Contains(list, op.OperationID) }
	switch {
	case has(ofAll):
		return nil
	case has(ofIngest):
		return []string{"ingest"}
	case has(ofProcess):
		return []string{"process"}
	case has(ofBoth):
		return []string{"query", "admin"}
	case has(ofQuery) || op.Method == http.MethodGet:
		return []string{"query"}
	default:
		return []string{"admin"}
	}
}

// elsewhere is an error when another process serves a route.
func (r Roles) elsewhere(op *huma.Operation) error {
	roles := rolesOf(op)
	mine := map[string]bool{"ingest": r.Ingest, "process": r.Process, "query": r.Query, "admin": r.Admin}
	if len(roles) == 0 || slices.ContainsFunc(roles, func(role string) bool { return mine[role] }) {
		return nil
	}
	return event.Errorf(event.NotFound, "other_role", "this process does not serve %s %s; it takes one with the role %s", op.Method, op.Path, roles[0])
}
