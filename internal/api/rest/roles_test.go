package rest

import (
	"net/http"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// Every route is served by some process in every split, and what reads or changes what a process does not have is served by none
// that has not got it.
func TestRolesOfRoutes(t *testing.T) {
	w := newWorld(t)
	found := map[string]bool{}
	for path, item := range w.api.huma.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if op == nil {
				continue
			}
			found[op.OperationID] = true
			served := 0
			every := Roles{Ingest: true, Process: true, Query: true, Admin: true}
			for _, r := range []Roles{{Ingest: true}, {Process: true}, {Query: true}, {Admin: true}} {
				if r.elsewhere(op) == nil {
					served++
				}
			}
			switch roles := rolesOf(op); {
			case every.elsewhere(op) != nil:
				t.Errorf("one process that does everything does not serve %s %s", method, path)
			case len(roles) > 0 && (Roles{}).elsewhere(op) == nil:
				t.Errorf("a process without a role serves %s %s", method, path)
			case len(roles) == 0 && served != 4, len(roles) > 0 && served != len(roles):
				t.Errorf("%s %s is for %v, and %d roles serve it", method, path, roles, served)
			case method != http.MethodGet && op.Tags[0] == "control" && !slices.Equal(roles, []string{"admin"}):
				t.Errorf("%s %s changes the control plane and is for %v", method, path, roles)
			}
		}
	}
	for _, id := range slices.Concat(ofAll, ofIngest, ofProcess, ofQuery, ofBoth) {
		if !found[id] {
			t.Errorf("there is no route %s", id)
		}
	}
}
