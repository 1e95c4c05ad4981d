// Package projecttest holds the suite that every project.Store passes, and the store in memory that other rooms' tests
// use.
package projecttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/project"
)

// Run tests the stores that open makes. Each call of open returns an empty one, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) project.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, project.Store)
	}{
		{"projects are kept", projectsAreKept},
		{"months are spent", monthsAreSpent},
		{"names are unique", namesAreUnique},
		{"keys are kept", keysAreKept},
		{"keys need a project", keysNeedProject},
		{"hashes are unique", hashesAreUnique},
		{"revoking is for ever", revokingIsForEver},
		{"use only moves forward", useMovesForward},
		{"insights are kept", insightsAreKept},
		{"insights are of one project", insightsAreOfOneProject},
		{"insights are limited", insightsAreLimited},
		{"insights change by version", insightsChangeByVersion},
		{"cohorts are kept", cohortsAreKept},
		{"cohorts are of one project", cohortsAreOfOneProject},
		{"cohorts are limited", cohortsAreLimited},
		{"cohorts change by version", cohortsChangeByVersion},
		{"cohorts in use stay", cohortsInUseStay},
		{"frozen people are kept", frozenPeopleAreKept},
		{"dashboards are kept", dashboardsAreKept},
		{"dashboards are of one project", dashboardsAreOfOneProject},
		{"dashboards are limited", dashboardsAreLimited},
		{"dashboards change by version", dashboardsChangeByVersion},
		{"links open one dashboard", linksOpenOneDashboard},
		{"notes are kept", notesAreKept},
		{"notes change by version", notesChangeByVersion},
		{"notes are limited", notesAreLimited},
		{"plans change by version", plansChangeByVersion},
		{"audit is read in pages", auditPages},
		{"odd names are of nothing", oddNames},
		{"a refused change leaves no trace", refusedLeavesNoTrace},
		{"an ended context changes nothing", endedContext},
		{"changes at once all count", concurrentChanges},
		{"a closed store is a fault", closedStore},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { must(t, s.Close()) })
			test.run(t, s)
		})
	}
}

// noon is a moment with microseconds, the finest that stores keep.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)

func projectsAreKept(t *testing.T, s project.Store) {
	equal(t, list(t, s.Projects), nil)
	shop := project.Project{
		Name: "Shop ☂", Timezone: "Europe/Berlin", WeekStart: project.Sunday,
		RetentionDays: 36500, SessionGapMinutes: 1440, EventsPerSecond: 10_000_000, EventsPerMonth: 1_000_000_000_000, Lane: 3, CreatedAt: noon,
	}
	shop.ID = create(t, s, shop)
	news := project.Project{Name: "'news'; --", Timezone: "UTC", WeekStart: project.Monday, SessionGapMinutes: 1, CreatedAt: noon}
	news.ID = create(t, s, news)
	if shop.ID == 0 || news.ID == shop.ID {
		t.Fatalf("numbers %d and %d", shop.ID, news.ID)
	}
	equal(t, list(t, s.Projects), []project.Project{shop, news})

	changed := project.Project{
		ID: shop.ID, Name: "Store", Timezone: "Asia/Tokyo", WeekStart: project.Monday,
		SessionGapMinutes: 5, EventsPerSecond: 7, EventsPerMonth: 8, Lane: 3, CreatedAt: noon.Add(time.Hour),
	}
	must(t, s.UpdateProject(t.Context(), changed, entry(changed.ID)))
	changed.CreatedAt = noon
	equal(t, list(t, s.Projects), []project.Project{changed, news})

	refused(t, s.UpdateProject(t.Context(), project.Project{ID: 99, Name: "x", WeekStart: project.Monday, SessionGapMinutes: 1}, entry(99)), "no_such_project")
}

func monthsAreSpent(t *testing.T, s project.Store) {
	a, b := named("a"), named("b")
	a.EventsPerMonth, b.EventsPerMonth = 10, 10
	a.ID, b.ID = create(t, s, a), create(t, s, b)
	spend := func(id project.ID, of int, want bool) {
		t.Helper()
		before, err := s.Audit(t.Context(), 0, 100)
		must(t, err)
		done, err := s.Spend(t.Context(), id, 24_323, of, entry(id))
		must(t, err)
		after, err := s.Audit(t.Context(), 0, 100)
		must(t, err)
		if told := len(after) > len(before); done != want || told != want {
			t.Errorf("project %d, of %d: done %v, an entry %v; want %v", id, of, done, told, want)
		}
	}
	spend(a.ID, 11, false) // another process has changed it
	spend(99, 10, false)
	spend(a.ID, 10, true)
	a.Spent = 24_323
	equal(t, list(t, s.Projects), []project.Project{a, b})
	a.Name, a.Spent = "c", 0 // whoever changes something else need not know
	must(t, s.UpdateProject(t.Context(), a, entry(a.ID)))
	a.Spent = 24_323
	equal(t, list(t, s.Projects), []project.Project{a, b})
	a.EventsPerMonth = 20
	must(t, s.UpdateProject(t.Context(), a, entry(a.ID)))
	a.Spent = 0
	equal(t, list(t, s.Projects), []project.Project{a, b})
}

func namesAreUnique(t *testing.T, s project.Store) {
	create(t, s, named("a"))
	b := named("b")
	b.ID = create(t, s, b)
	_, err := s.CreateProject(t.Context(), named("a"), entry)
	refused(t, err, "name_taken")
	b.Name = "a"
	refused(t, s.UpdateProject(t.Context(), b, entry(b.ID)), "name_taken")
	b.Name = "A"
	must(t, s.UpdateProject(t.Context(), b, entry(b.ID)))
}

func keysAreKept(t *testing.T, s project.Store) {
	equal(t, list(t, s.Keys), nil)
	p := create(t, s, named("a"))
	var want []project.StoredKey
	for i, kind := range []project.Kind{project.Write, project.Read, project.Admin} {
		k := key(p, byte(i))
		k.Kind = kind
		k.ID = createKey(t, s, k)
		want = append(want, k)
	}
	equal(t, list(t, s.Keys), want)
}

func keysNeedProject(t *testing.T, s project.Store) {
	_, err := s.CreateKey(t.Context(), key(1, 1), entryOfKey)
	refused(t, err, "no_such_project")
	equal(t, list(t, s.Keys), nil)
}

func hashesAreUnique(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	k := key(p, 1)
	k.ID = createKey(t, s, k)
	if _, err := s.CreateKey(t.Context(), key(p, 1), entryOfKey); err == nil {
		t.Fatal("two keys with one hash")
	}
	equal(t, list(t, s.Keys), []project.StoredKey{k})
}

func revokingIsForEver(t *testing.T, s project.Store) {
	k := key(create(t, s, named("a")), 1)
	k.ID = createKey(t, s, k)
	must(t, s.RevokeKey(t.Context(), k.ID, noon, entry(1)))
	entries := len(audit(t, s))
	must(t, s.RevokeKey(t.Context(), k.ID, noon.Add(time.Hour), entry(1)))
	at := noon
	k.RevokedAt = &at
	equal(t, list(t, s.Keys), []project.StoredKey{k})
	equal(t, len(audit(t, s)), entries)
	refused(t, s.RevokeKey(t.Context(), 99, noon, entry(1)), "no_such_key")
}

func useMovesForward(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	a, b := key(p, 1), key(p, 2)
	a.ID, b.ID = createKey(t, s, a), createKey(t, s, b)
	entries := len(audit(t, s))
	must(t, s.TouchKeys(t.Context(), nil))
	must(t, s.TouchKeys(t.Context(), map[uint64]time.Time{a.ID: noon, 99: noon}))
	must(t, s.TouchKeys(t.Context(), map[uint64]time.Time{a.ID: noon.Add(-time.Hour)}))
	at := noon
	a.LastUsedAt = &at
	equal(t, list(t, s.Keys), []project.StoredKey{a, b})
	equal(t, len(audit(t, s)), entries)
}

func auditPages(t *testing.T, s project.Store) {
	equal(t, audit(t, s), nil)
	for i := range 5 {
		create(t, s, named(fmt.Sprint("p", i)))
	}
	all := audit(t, s)
	if len(all) != 5 {
		t.Fatalf("%d entries, want 5", len(all))
	}
	for i, e := range all {
		want := entry(project.ID(5 - i))
		want.ID = e.ID
		equal(t, e, want)
		if i > 0 && all[i-1].ID <= e.ID {
			t.Fatalf("entry %d stands before entry %d", all[i-1].ID, e.ID)
		}
	}
	var paged []project.AuditEntry
	for before := uint64(0); ; {
		page, err := s.Audit(t.Context(), before, 2)
		must(t, err)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		before = page[len(page)-1].ID
	}
	equal(t, paged, all)
	last, err := s.Audit(t.Context(), ^uint64(0), 1)
	must(t, err)
	equal(t, last, all[:1])
	added := entry(2)
	must(t, s.AddAudit(t.Context(), added))
	more := audit(t, s)
	if len(more) != 6 || more[0].ID <= all[0].ID {
		t.Fatalf("%+v after an entry was added", more)
	}
	added.ID = more[0].ID
	equal(t, more[0], added)
}

func oddNames(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	for _, name := range []string{"\x00", "a\x00b", "\xff", "?", "$1"} {
		_, err := s.Insight(t.Context(), p, name)
		refused(t, err, "no_such_insight")
		_, err = s.Cohort(t.Context(), p, name)
		refused(t, err, "no_such_cohort")
		_, err = s.Dashboard(t.Context(), p, name)
		refused(t, err, "no_such_dashboard")
		refused(t, s.DeleteDashboard(t.Context(), p, name, 1, entry(p)), "no_such_dashboard")
		n, err := s.Note(t.Context(), p, project.Subject{Kind: project.NoteEvent, Name: name})
		must(t, err)
		equal(t, n.Version, uint64(0))
	}
}

func refusedLeavesNoTrace(t *testing.T, s project.Store) {
	p := named("a")
	p.ID = create(t, s, p)
	before := audit(t, s)
	_, err := s.CreateProject(t.Context(), named("a"), entry)
	refused(t, err, "name_taken")
	refused(t, s.RevokeKey(t.Context(), 7, noon, entry(p.ID)), "no_such_key")
	refused(t, s.UpdateProject(t.Context(), project.Project{ID: 7, Name: "b", WeekStart: project.Monday, SessionGapMinutes: 1}, entry(7)), "no_such_project")
	equal(t, audit(t, s), before)
	equal(t, list(t, s.Projects), []project.Project{p})
}

func endedContext(t *testing.T, s project.Store) {
	p := create(t, s, named("a"))
	before := audit(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.CreateProject(ctx, named("b"), entry); err == nil {
		t.Fatal("a project was made")
	}
	if _, err := s.CreateKey(ctx, key(p, 1), entryOfKey); err == nil {
		t.Fatal("a key was made")
	}
	equal(t, audit(t, s), before)
	equal(t, list(t, s.Keys), nil)
}

func concurrentChanges(t *testing.T, s project.Store) {
	const n = 20
	p := create(t, s, named("a"))
	ids := make([]uint64, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ids[i], errs[i] = s.CreateKey(t.Context(), key(p, byte(i)), entryOfKey)
			if errs[i] == nil && i%2 == 0 {
				errs[i] = s.RevokeKey(t.Context(), ids[i], noon, entry(p))
			}
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	hashes := map[uint64]byte{}
	for i, id := range ids {
		hashes[id] = byte(i)
	}
	keys := list(t, s.Keys)
	if len(hashes) != n || len(keys) != n {
		t.Fatalf("%d numbers for %d keys, want %d", len(hashes), len(keys), n)
	}
	for _, k := range keys {
		i := hashes[k.ID]
		if k.Hash[0] != i || (k.RevokedAt != nil) != (i%2 == 0) {
			t.Fatalf("key %d is %+v", k.ID, k)
		}
	}
	equal(t, len(audit(t, s)), 1+n+n/2)
}

func closedStore(t *testing.T, s project.Store) {
	must(t, s.Close())
	_, err := s.CreateProject(t.Context(), named("a"), entry)
	var e *project.Error
	if err == nil || errors.As(err, &e) {
		t.Fatalf("got %v, want a fault", err)
	}
}
