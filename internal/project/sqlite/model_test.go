package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/sqlite"
)

// model is what the control plane ought to be: plain maps, changed as the Service is asked to change.
type model struct {
	outer    *testing.T
	dir      string
	service  *project.Service
	projects map[project.ID]project.Project
	keys     map[uint64]project.Key
	secrets  map[string]uint64
	lent     map[string]project.Identity
	actions  []string
}

func TestServiceAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{
			outer: t, dir: dir,
			projects: map[project.ID]project.Project{},
			keys:     map[uint64]project.Key{},
			secrets:  map[string]uint64{},
			lent:     map[string]project.Identity{},
		}
		m.open(rt)
		defer func() { _ = m.service.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"create project": m.createProject,
			"update project": m.updateProject,
			"spend":          m.spend,
			"create key":     m.createKey,
			"revoke key":     m.revokeKey,
			"lend":           m.lend,
			"authenticate":   m.authenticate,
			"reopen":         m.reopen,
			"":               m.agrees,
		})
		m.hidesSecrets(rt)
	})
}

func (m *model) open(t *rapid.T) {
	store, err := sqlite.Open(m.outer.Context(), m.dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.service, err = project.Open(m.outer.Context(), store, project.Options{}); err != nil {
		t.Fatal(err)
	}
}

func (m *model) reopen(t *rapid.T) {
	if err := m.service.Close(); err != nil {
		t.Fatal(err)
	}
	clear(m.lent)
	m.open(t)
}

func (m *model) project(t *rapid.T) project.ID {
	return rapid.Uint32Range(0, 4).Draw(t, "project")
}

func change(t *rapid.T) project.Change {
	return project.Change{
		Name:              rapid.Ptr(rapid.SampledFrom([]string{"a", "b", "c", "", "d\n"}), true).Draw(t, "name"),
		Timezone:          rapid.Ptr(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Local", "Nowhere"}), true).Draw(t, "zone"),
		WeekStart:         rapid.Ptr(rapid.SampledFrom([]string{"monday", "sunday", "friday"}), true).Draw(t, "week"),
		RetentionDays:     rapid.Ptr(rapid.IntRange(-1, 3), true).Draw(t, "retention"),
		SessionGapMinutes: rapid.Ptr(rapid.IntRange(0, 3), true).Draw(t, "gap"),
		EventsPerSecond:   rapid.Ptr(rapid.IntRange(-1, 3), true).Draw(t, "rate"),
		EventsPerMonth:    rapid.Ptr(rapid.IntRange(-1, 3), true).Draw(t, "quota"),
	}
}

// wants is the change made to a project, or the kind of error it ought to give.
func (m *model) wants(p project.Project, c project.Change) (project.Project, project.ErrorKind) {
	set(&p.Name, c.Name)
	set(&p.Timezone, c.Timezone)
	set(&p.WeekStart, c.WeekStart)
	set(&p.RetentionDays, c.RetentionDays)
	set(&p.SessionGapMinutes, c.SessionGapMinutes)
	set(&p.EventsPerSecond, c.EventsPerSecond)
	before := p.EventsPerMonth
	if set(&p.EventsPerMonth, c.EventsPerMonth); p.EventsPerMonth != before {
		p.Spent = 0
	}
	switch {
	case p.Name == "", p.Name == "d\n", p.Timezone == "Local", p.Timezone == "Nowhere", p.WeekStart == "friday",
		p.RetentionDays < 0, p.SessionGapMinutes < 1, p.EventsPerSecond < 0, p.EventsPerMonth < 0:
		return p, project.Invalid
	}
	for _, other := range m.projects {
		if other.Name == p.Name && other.ID != p.ID {
			return p, project.Conflict
		}
	}
	return p, 0
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (m *model) createProject(t *rapid.T) {
	c := change(t)
	want, kind := m.wants(project.Project{Timezone: "UTC", WeekStart: "monday", SessionGapMinutes: 30}, c)
	got, err := m.service.CreateProject(m.outer.Context(), "system", c)
	if expect(t, err, kind) {
		want.ID, want.CreatedAt = got.ID, got.CreatedAt
		if _, used := m.projects[got.ID]; used || got.ID == 0 {
			t.Fatalf("the number %d was given twice", got.ID)
		}
		m.projects[got.ID] = want
		m.actions = append(m.actions, "project.create")
	}
}

func (m *model) updateProject(t *rapid.T) {
	id, c := m.project(t), change(t)
	old, ok := m.projects[id]
	want, kind := m.wants(old, c)
	if !ok {
		kind = project.NotFound
	}
	if _, err := m.service.UpdateProject(m.outer.Context(), "system", id, c); expect(t, err, kind) {
		m.projects[id] = want
		if want != old {
			m.actions = append(m.actions, "project.update")
		}
	}
}

func (m *model) spend(t *rapid.T) {
	id, month := m.project(t), project.Month(rapid.IntRange(1, 3).Draw(t, "month"))
	p, ok := m.projects[id]
	var kind project.ErrorKind
	if !ok {
		kind = project.NotFound
	}
	if expect(t, m.service.Spend(m.outer.Context(), id, month), kind) && p.Spent != month {
		p.Spent = month
		m.projects[id] = p
		m.actions = append(m.actions, "project.spend")
	}
}

func (m *model) createKey(t *rapid.T) {
	id := m.project(t)
	k := rapid.SampledFrom([]project.Kind{project.Write, project.Read, project.Admin, "owner"}).Draw(t, "kind")
	var kind project.ErrorKind
	if _, ok := m.projects[id]; k == "owner" {
		kind = project.Invalid
	} else if !ok {
		kind = project.NotFound
	}
	key, secret, err := m.service.CreateKey(m.outer.Context(), "system", id, k, "phone")
	if expect(t, err, kind) {
		m.keys[key.ID] = key
		m.secrets[secret] = key.ID
		m.actions = append(m.actions, "key.create")
	}
}

func (m *model) revokeKey(t *rapid.T) {
	id := rapid.Uint64Range(0, 6).Draw(t, "key")
	key, ok := m.keys[id]
	var kind project.ErrorKind
	if !ok {
		kind = project.NotFound
	}
	if expect(t, m.service.RevokeKey(m.outer.Context(), "system", id), kind) && key.RevokedAt == nil {
		now, _ := m.service.Key(id)
		if now.RevokedAt == nil {
			t.Fatalf("key %d is not revoked", id)
		}
		key.RevokedAt = now.RevokedAt
		m.keys[id] = key
		m.actions = append(m.actions, "key.revoke")
	}
}

func (m *model) lend(t *rapid.T) {
	id, kind := m.project(t), rapid.SampledFrom([]project.Kind{project.Write, project.Read}).Draw(t, "kind")
	m.lent[m.service.Lend(id, kind)] = project.Identity{Project: id, Kind: kind}
}

func (m *model) authenticate(t *rapid.T) {
	secrets := slices.Concat(slices.Sorted(maps.Keys(m.secrets)), slices.Sorted(maps.Keys(m.lent)))
	if len(secrets) == 0 {
		return
	}
	secret := rapid.SampledFrom(secrets).Draw(t, "secret")
	got, err := m.service.Authenticate(secret)
	want, lent := m.lent[secret]
	if !lent {
		key := m.keys[m.secrets[secret]]
		if key.RevokedAt != nil {
			expect(t, err, project.Unauthorized)
			return
		}
		want = project.Identity{KeyID: key.ID, Project: key.Project, Kind: key.Kind}
		// The time itself is the clock's; that it stays through everything that follows is the model's.
		now, _ := m.service.Key(key.ID)
		if now.LastUsedAt == nil {
			t.Fatal("the use was not noted")
		}
		key.LastUsedAt = now.LastUsedAt
		m.keys[key.ID] = key
	}
	if expect(t, err, 0) && got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// agrees compares everything that can be read.
func (m *model) agrees(t *rapid.T) {
	projects := m.service.Projects()
	if len(projects) != len(m.projects) {
		t.Fatalf("%d projects, want %d", len(projects), len(m.projects))
	}
	keys := 0
	for _, p := range projects {
		if want := m.projects[p.ID]; describe(p) != describe(want) {
			t.Fatalf("got %+v, want %+v", p, want)
		}
		if zone := m.service.Location(p.ID); zone == nil || zone.String() != p.Timezone {
			t.Fatalf("project %d has the zone %v, want %s", p.ID, zone, p.Timezone)
		}
		list, err := m.service.Keys(m.outer.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		keys += len(list)
		for _, k := range list {
			if want := m.keys[k.ID]; !same(k, want) || k.Project != p.ID {
				t.Fatalf("got %+v, want %+v", k, want)
			}
		}
	}
	if keys != len(m.keys) {
		t.Fatalf("%d keys, want %d", keys, len(m.keys))
	}
	entries, err := m.service.Audit(m.outer.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range slices.Backward(entries) {
		actions = append(actions, e.Action)
	}
	if !slices.Equal(actions, m.actions) {
		t.Fatalf("audit %v, want %v", actions, m.actions)
	}
}

// hidesSecrets looks for secrets in the bytes of all files, those of the write-ahead log included.
func (m *model) hidesSecrets(t *rapid.T) {
	names, err := filepath.Glob(filepath.Join(m.dir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("files %v, %v", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range slices.Concat(slices.Sorted(maps.Keys(m.secrets)), slices.Sorted(maps.Keys(m.lent))) {
			// Half of one would be as bad, so the random part is looked for in pieces.
			if bytes.Contains(b, []byte(secret[3:19])) || bytes.Contains(b, []byte(secret[19:35])) {
				t.Fatalf("%s holds a secret", name)
			}
		}
	}
}

func describe(p project.Project) string {
	return strings.Join([]string{
		p.Name, p.Timezone, p.WeekStart, p.SessionGap().String(), p.CreatedAt.String(),
		p.FirstWeekday().String(), fmt.Sprint(p.RetentionDays, p.EventsPerSecond, p.EventsPerMonth, p.Spent),
	}, "|")
}

func same(a, b project.Key) bool {
	for _, k := range []*project.Key{&a, &b} {
		if k.LastUsedAt != nil {
			k.Name += " used " + k.LastUsedAt.String()
		}
		if k.RevokedAt != nil {
			k.Name += " revoked " + k.RevokedAt.String()
		}
		k.LastUsedAt, k.RevokedAt = nil, nil
	}
	return a == b
}

// expect tells whether the call went well, after comparing its error with the kind that it ought to have.
func expect(t *rapid.T, err error, kind project.ErrorKind) bool {
	var e *project.Error
	switch {
	case err == nil && kind == 0:
		return true
	case errors.As(err, &e) && e.Kind == kind:
		return false
	}
	t.Fatalf("got the error %v, want the kind %d", err, kind)
	return false
}
