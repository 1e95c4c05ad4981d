package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/fault"
)

// CreateProject makes a project. The name is required, the other settings have defaults.
func (s *Service) CreateProject(ctx context.Context, actor string, c Change) (Project, error) {
	if c.Name == nil {
		return Project{}, invalid("bad_name", "name", "a project needs a name of 1 to %d characters", maxName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := c.apply(Project{
		Timezone:          "UTC",
		WeekStart:         Monday,
		SessionGapMinutes: defaultGap,
		CreatedAt:         s.moment(),
		zone:              time.UTC,
	})
	if err != nil {
		return Project{}, err
	}
	state := s.state.Load()
	if state.nameTaken(p) {
		return Project{}, NameTaken(p.Name)
	}
	p.Lane = state.emptiest(s.lanes)
	p.ID, err = s.store.CreateProject(ctx, p, func(id ID) AuditEntry {
		return AuditEntry{At: p.CreatedAt, Actor: actor, Action: "project.create", Project: id, Detail: settings(Project{}, p)}
	})
	if err != nil {
		return Project{}, s.failed(ctx, "create the project", err)
	}
	next := state.clone()
	next.projects[p.ID] = &p
	s.state.Store(next)
	return p, nil
}

// UpdateProject changes the settings of a project. A change that changes nothing is neither written nor audited.
func (s *Service) UpdateProject(ctx context.Context, actor string, id ID, c Change) (Project, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state.Load()
	old := state.projects[id]
	if old == nil {
		return Project{}, NoSuchProject(id)
	}
	p, err := c.apply(*old)
	if err != nil {
		return Project{}, err
	}
	detail := settings(*old, p)
	if detail == "" {
		return *old, nil
	}
	if state.nameTaken(p) {
		return Project{}, NameTaken(p.Name)
	}
	audit := AuditEntry{At: s.moment(), Actor: actor, Action: "project.update", Project: id, Detail: detail}
	if err := s.store.UpdateProject(ctx, p, audit); err != nil {
		return Project{}, s.failed(ctx, "update the project", err)
	}
	next := state.clone()
	next.projects[id] = &p
	s.state.Store(next)
	return p, nil
}

// Spend notes that the events of a month which a project may have stored are: until the next one begins, no more are to be taken.
func (s *Service) Spend(ctx context.Context, id ID, month Month) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state.Load()
	old := state.projects[id]
	if old == nil {
		return NoSuchProject(id)
	}
	if old.Spent == month {
		return nil
	}
	audit := AuditEntry{
		At: s.moment(), Actor: "system", Action: "project.spend", Project: id,
		Detail: fmt.Sprintf("the %d events of %s are stored; further ones are refused until %s", old.EventsPerMonth, month.Begin().Format("2006-01"), (month + 1).Begin().Format(time.RFC3339)),
	}
	// Another process may have changed how many there may be; then this one hears of it.
	done, err := s.store.Spend(ctx, id, month, old.EventsPerMonth, audit)
	if err != nil {
		return s.failed(ctx, "note that the events of a month are stored", err)
	}
	if !done {
		return nil
	}
	p := *old
	p.Spent = month
	next := state.clone()
	next.projects[id] = &p
	s.state.Store(next)
	return nil
}

// CreateKey makes a key for a project. The secret is returned here and can never be seen again. An operator who lost
// the last admin key makes a new one through this, with "system" as the actor.
func (s *Service) CreateKey(ctx context.Context, actor string, id ID, kind Kind, name string) (Key, string, error) {
	if kind.prefix() == "" {
		return Key{}, "", invalid("bad_key_kind", "kind", "%s is not a kind of key; it is write, read or admin", quote(string(kind)))
	}
	name, err := validName(name, 0)
	if err != nil {
		return Key{}, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state.Load()
	if state.projects[id] == nil {
		return Key{}, "", NoSuchProject(id)
	}
	secret := newSecret(kind.prefix())
	k := &liveKey{used: new(atomic.Int64)}
	k.Key = Key{Project: id, Kind: kind, Name: name, Hint: hintOf(secret), CreatedAt: s.moment()}
	k.Hash = hashOf(secret)
	k.ID, err = s.store.CreateKey(ctx, k.StoredKey, func(keyID uint64) AuditEntry {
		return AuditEntry{At: k.CreatedAt, Actor: actor, Action: "key.create", Project: id, Detail: describe(keyID, k.Key)}
	})
	if err != nil {
		return Key{}, "", s.failed(ctx, "create the key", err)
	}
	next := state.clone()
	next.put(k)
	s.state.Store(next)
	return k.view(), secret, nil
}

// RevokeKey makes a key useless, for ever. Revoking it again does nothing.
func (s *Service) RevokeKey(ctx context.Context, actor string, keyID uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state.Load()
	old := state.keys[keyID]
	if old == nil {
		return NoSuchKey(keyID)
	}
	if old.RevokedAt != nil {
		return nil
	}
	at := s.moment()
	audit := AuditEntry{At: at, Actor: actor, Action: "key.revoke", Project: old.Project, Detail: describe(keyID, old.Key)}
	if err := s.store.RevokeKey(ctx, keyID, at, audit); err != nil {
		return s.failed(ctx, "revoke the key", err)
	}
	k := *old
	k.RevokedAt = &at
	next := state.clone()
	next.put(&k)
	s.state.Store(next)
	return nil
}

// failed maps an error of the store. The change may have been committed all the same, when the caller gave up or the
// connection broke at the last moment, so what the store holds is read again; while it cannot be, the last state that
// was good stands.
func (s *Service) failed(ctx context.Context, act string, err error) error {
	var answer *Error
	if s.shared != nil && !errors.As(err, &answer) {
		s.following.known = false // Nobody waits for what may be away for long: it is read again as soon as it is back.
		return storeError(act, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if fault.Planted(fault.KeysForgotten) {
		s.state.Store(&snapshot{})
	} else if next, lerr := load(ctx, s.store, s.state.Load()); lerr == nil {
		s.state.Store(next)
	} else {
		s.log.Warn("control plane could not be read again", "error", lerr)
	}
	return storeError(act, err)
}

// moment is now, as precise as it is stored.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// emptiest is the lane with the fewest projects, the first of several.
func (s *snapshot) emptiest(lanes int) int {
	has := make([]int, lanes)
	for _, p := range s.projects {
		if p.Lane < lanes {
			has[p.Lane]++
		}
	}
	return slices.Index(has, slices.Min(has))
}

func (s *snapshot) nameTaken(p Project) bool {
	for _, other := range s.projects {
		if other.Name == p.Name && other.ID != p.ID {
			return true
		}
	}
	return false
}

// settings says what is different between two versions of a project, for the audit.
func settings(old, p Project) string {
	var parts []string
	note := func(name string, from, to any) {
		switch {
		case from == to:
		case old.ID == 0:
			parts = append(parts, fmt.Sprintf("%s %#v", name, to))
		default:
			parts = append(parts, fmt.Sprintf("%s %#v, was %#v", name, to, from))
		}
	}
	note("name", old.Name, p.Name)
	note("timezone", old.Timezone, p.Timezone)
	note("week_start", old.WeekStart, p.WeekStart)
	note("retention_days", old.RetentionDays, p.RetentionDays)
	note("session_gap_minutes", old.SessionGapMinutes, p.SessionGapMinutes)
	note("events_per_second", old.EventsPerSecond, p.EventsPerSecond)
	note("events_per_month", old.EventsPerMonth, p.EventsPerMonth)
	note("lane", old.Lane, p.Lane)
	return strings.Join(parts, "; ")
}

// describe names a key for the audit.
func describe(id uint64, k Key) string {
	s := fmt.Sprintf("%s key %d, %s", k.Kind, id, k.Hint)
	if k.Name != "" {
		s += fmt.Sprintf(", %q", k.Name)
	}
	return s
}
