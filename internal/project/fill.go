package project

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Fill puts the projects and keys of the copy at path (see [Options.Copy]) into a store that has none, under the numbers that
// they had. It is for a store that stands in for the one that was copied. Numbers that were never given out, which a shared
// store may have, become projects without keys.
func Fill(ctx context.Context, store Store, path string) error {
	c := localCopy{path: path}
	s, _, err := c.read()
	if err != nil {
		return err
	}
	if s == nil {
		return fmt.Errorf("there is no copy of the projects and keys at %s", path)
	}
	if there, err := store.Projects(ctx); err != nil {
		return fmt.Errorf("fill the control plane: %w", err)
	} else if len(there) > 0 {
		return fmt.Errorf("fill the control plane: it has %d projects already", len(there))
	}
	next := ID(1)
	for _, id := range slices.Sorted(maps.Keys(s.projects)) {
		for ; next <= id; next++ {
			p := *s.projects[id]
			if next < id {
				p = Project{Name: fmt.Sprintf("number %d, which nobody has", next), Timezone: "UTC", WeekStart: Monday, SessionGapMinutes: 30, CreatedAt: p.CreatedAt}
			}
			got, err := store.CreateProject(ctx, p, func(id ID) AuditEntry {
				return AuditEntry{At: p.CreatedAt, Actor: "system", Action: "project.create", Project: id, Detail: "copied"}
			})
			if err == nil && got != next {
				err = fmt.Errorf("it became %d", got)
			}
			if err != nil {
				return fmt.Errorf("fill the control plane: project %d: %w", next, err)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.keys)) {
		k := s.keys[id].StoredKey
		copied := AuditEntry{At: k.CreatedAt, Actor: "system", Action: "key.create", Project: k.Project, Detail: "copied"}
		got, err := store.CreateKey(ctx, k, func(uint64) AuditEntry { return copied })
		if err == nil && k.RevokedAt != nil {
			copied.Action = "key.revoke"
			err = store.RevokeKey(ctx, got, *k.RevokedAt, copied)
		}
		if err != nil {
			return fmt.Errorf("fill the control plane: key %d: %w", id, err)
		}
	}
	return nil
}
