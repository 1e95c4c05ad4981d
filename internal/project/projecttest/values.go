package projecttest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/project"
)

func named(name string) project.Project {
	return project.Project{Name: name, Timezone: "UTC", WeekStart: project.Monday, SessionGapMinutes: 30, CreatedAt: noon}
}

func key(p project.ID, i byte) project.StoredKey {
	k := project.StoredKey{Hash: project.Hash{i, 0xff, 0}}
	k.Project, k.Kind, k.Name, k.Hint, k.CreatedAt = p, project.Write, "Füße", "fw_…abcd", noon
	return k
}

func entry(id project.ID) project.AuditEntry {
	return project.AuditEntry{At: noon, Actor: "key 3 (admin)", Action: "project.create", Project: id, Detail: "name \"x\""}
}

func entryOfKey(uint64) project.AuditEntry { return entry(1) }

func create(t *testing.T, s project.Store, p project.Project) project.ID {
	t.Helper()
	id, err := s.CreateProject(t.Context(), p, entry)
	must(t, err)
	return id
}

func createKey(t *testing.T, s project.Store, k project.StoredKey) uint64 {
	t.Helper()
	id, err := s.CreateKey(t.Context(), k, entryOfKey)
	must(t, err)
	return id
}

func audit(t *testing.T, s project.Store) []project.AuditEntry {
	t.Helper()
	entries, err := s.Audit(t.Context(), 0, 1000)
	must(t, err)
	return entries
}

func list[T any](t *testing.T, read func(context.Context) ([]T, error)) []T {
	t.Helper()
	out, err := read(t.Context())
	must(t, err)
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *project.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got the error %v, want the code %s", err, code)
	}
}

// oneOfTen makes ten changes at once, numbered from 0, of which one has to succeed and the others to be refused with a code. It
// returns the number of that one.
func oneOfTen(t *testing.T, code string, change func(n int) error) int {
	t.Helper()
	errs := make([]error, 10)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() { errs[n] = change(n) })
	}
	wg.Wait()
	changed := -1
	for n, err := range errs {
		switch {
		case err != nil:
			refused(t, err, code)
		case changed >= 0:
			t.Fatalf("changes %d and %d both succeeded", changed, n)
		default:
			changed = n
		}
	}
	if changed < 0 {
		t.Fatal("none of ten changes succeeded")
	}
	return changed
}

// equal takes an empty slice for no slice.
func equal(t *testing.T, got, want any) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.Kind() == reflect.Slice && g.Len() == 0 && (!w.IsValid() || w.Len() == 0) {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}
