package project_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

// shared is a store of several processes, which can be away.
type shared struct {
	project.Store
	away atomic.Bool
	// reads counts how often the keys were read.
	reads atomic.Int64
}

var errAway = errors.New("connection refused")

func (s *shared) Version(ctx context.Context) (uint64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	entries, err := s.Audit(ctx, 0, 1)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	return entries[0].ID, nil
}

func (s *shared) Keys(ctx context.Context) ([]project.StoredKey, error) {
	if s.away.Load() {
		return nil, errAway
	}
	s.reads.Add(1)
	return s.Store.Keys(ctx)
}

func (s *shared) CreateKey(ctx context.Context, k project.StoredKey, audit func(uint64) project.AuditEntry) (uint64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.Store.CreateKey(ctx, k, audit)
}

func (s *shared) TouchKeys(ctx context.Context, used map[uint64]time.Time) error {
	if s.away.Load() {
		return errAway
	}
	return s.Store.TouchKeys(ctx, used)
}

// Close leaves the store to the others.
func (*shared) Close() error { return nil }

func follower(t *testing.T, store project.Store, copied string) *project.Service {
	t.Helper()
	s, err := project.Open(t.Context(), store, project.Options{Copy: copied})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func end(t *testing.T, s *project.Service) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// pass lets a second of the bubble go by.
func pass() {
	time.Sleep(time.Second) //nolint:forbidigo // nobody waits: it sets the bubble's clock
	synctest.Wait()
}

func TestOthersChangesAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{Store: projecttest.NewMemory()}
		a, b := follower(t, store, ""), follower(t, store, "")
		defer end(t, a)
		defer end(t, b)
		p := newProject(t, a, "Shop")
		k, secret := newKey(t, a, p.ID, project.Write)
		lent := b.Lend(p.ID, project.Read)
		pass()
		if _, err := b.Authenticate(secret); err != nil || b.Location(p.ID) == nil {
			t.Errorf("the key is not known to the other: %v", err)
		}
		if _, err := b.Authenticate(lent); err != nil {
			t.Errorf("a lent key was lost: %v", err)
		}
		if err := b.RevokeKey(t.Context(), "system", k.ID); err != nil {
			t.Fatal(err)
		}
		pass()
		if _, err := a.Authenticate(secret); code(err) != "revoked_key" {
			t.Errorf("the key was revoked by the other: %v", err)
		}
		reads := store.reads.Load()
		for range 20 {
			pass()
		}
		if n := store.reads.Load() - reads; n != 0 {
			t.Errorf("the keys were read %d times without a change", n)
		}
	})
}

func TestTimesOfUseOfOthersAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{Store: projecttest.NewMemory()}
		a, b := follower(t, store, ""), follower(t, store, "")
		defer end(t, a)
		defer end(t, b)
		k, secret := newKey(t, a, newProject(t, a, "Shop").ID, project.Write)
		if _, err := a.Authenticate(secret); err != nil {
			t.Fatal(err)
		}
		used := time.Now().UTC()
		for range 125 {
			pass()
		}
		if got, _ := b.Key(k.ID); got.LastUsedAt == nil || !got.LastUsedAt.Equal(used.Truncate(time.Microsecond)) {
			t.Errorf("the other process shows %v, want %s", got.LastUsedAt, used)
		}
	})
}

func TestSharedStoreAwayAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{Store: projecttest.NewMemory()}
		s := follower(t, store, "")
		p := newProject(t, s, "Shop")
		_, secret := newKey(t, s, p.ID, project.Write)
		pass()
		store.away.Store(true)
		pass()
		_, _, err := s.CreateKey(t.Context(), "system", p.ID, project.Read, "")
		var e *project.Error
		if !errors.As(err, &e) || e.Kind != project.Unavailable {
			t.Errorf("a change while the store is away: %v", err)
		}
		if _, err := s.Authenticate(secret); err != nil {
			t.Errorf("a key that was known: %v", err)
		}
		// Somebody else can still reach it.
		other := key(p.ID)
		if _, err := store.Store.CreateKey(t.Context(), other, func(uint64) project.AuditEntry { return project.AuditEntry{} }); err != nil {
			t.Fatal(err)
		}
		store.away.Store(false)
		pass()
		if keys, err := s.Keys(t.Context(), p.ID); err != nil || len(keys) != 2 {
			t.Errorf("back there are %v, %v", keys, err)
		}
		newKey(t, s, p.ID, project.Read)
		// What is away at the end is no reason to end badly.
		if _, err := s.Authenticate(secret); err != nil {
			t.Fatal(err)
		}
		store.away.Store(true)
		end(t, s)
	})
}

func key(p project.ID) project.StoredKey {
	k := project.StoredKey{Hash: project.Hash{1, 2, 3}}
	k.Project, k.Kind, k.Hint = p, project.Write, "fw_…abcd"
	return k
}

func TestStartFromCopy(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "control.json")
	store := &shared{Store: projecttest.NewMemory()}
	s := follower(t, store, copied)
	p := newProject(t, s, "Füße <&>")
	k, secret := newKey(t, s, p.ID, project.Write)
	gone, goneSecret := newKey(t, s, p.ID, project.Admin)
	if err := s.RevokeKey(t.Context(), "system", gone.ID); err != nil {
		t.Fatal(err)
	}
	end(t, s)
	end(t, follower(t, store, copied)) // a start writes what there is

	if content, err := os.ReadFile(copied); err != nil || strings.Contains(string(content), secret[3:20]) {
		t.Fatalf("a secret is in the copy, or there is none: %v", err)
	}
	store.away.Store(true)
	s = follower(t, store, copied)
	if id, err := s.Authenticate(secret); err != nil || id.KeyID != k.ID || s.Location(p.ID) == nil {
		t.Errorf("the key from the copy is %+v, %v", id, err)
	}
	if _, err := s.Authenticate(goneSecret); code(err) != "revoked_key" {
		t.Errorf("a revoked key from the copy: %v", err)
	}
	if got, _ := s.Project(p.ID); got.Name != p.Name || !got.CreatedAt.Equal(p.CreatedAt) {
		t.Errorf("the project is %+v, was %+v", got, p)
	}
	end(t, s)
	if _, err := project.Open(t.Context(), store, project.Options{}); code(err) != "control_plane_unavailable" {
		t.Errorf("without a copy: %v", err)
	}
	content, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	for name, hurt := range map[string][]byte{
		"cut": content[:len(content)/2], "changed": []byte(strings.Replace(string(content), `"write"`, `"admin"`, 1)),
		"of a newer format": []byte(strings.Replace(string(content), `"format":1`, `"format":2`, 1)),
	} {
		if err := os.WriteFile(copied, hurt, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := project.Open(t.Context(), store, project.Options{Copy: copied}); err == nil || !strings.Contains(err.Error(), copied) {
			t.Errorf("a copy that was %s: %v", name, err)
		}
	}
	store.away.Store(false)
	end(t, follower(t, store, copied)) // and it is made anew
	again, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	_, was, _ := strings.Cut(string(content), `"state"`)
	if _, is, found := strings.Cut(string(again), `"state"`); !found || is != was {
		t.Errorf("it is\n%s\nand was\n%s", again, content)
	}
}

func TestWrongDatabaseIsNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		copied := filepath.Join(t.TempDir(), "control.json")
		store := &shared{Store: projecttest.NewMemory()}
		s := follower(t, store, copied)
		_, secret := newKey(t, s, newProject(t, s, "Shop").ID, project.Write)
		pass()
		store.away.Store(true)
		pass()
		store.Store = projecttest.NewMemory()
		store.away.Store(false)
		pass()
		if _, err := s.Authenticate(secret); err != nil {
			t.Errorf("an emptied database was followed: %v", err)
		}
		end(t, s)
		if _, err := project.Open(t.Context(), store, project.Options{Copy: copied}); !errors.Is(err, project.ErrUnusable) {
			t.Errorf("an emptied database was taken at the start: %v", err)
		}
	})
}
