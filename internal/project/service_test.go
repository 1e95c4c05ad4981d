package project_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, store project.Store) *project.Service {
	t.Helper()
	s, err := project.Open(t.Context(), store, project.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newProject(t testing.TB, s *project.Service, name string) project.Project {
	t.Helper()
	p, err := s.CreateProject(t.Context(), "system", project.Change{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newKey(t testing.TB, s *project.Service, id project.ID, kind project.Kind) (project.Key, string) {
	t.Helper()
	k, secret, err := s.CreateKey(t.Context(), "system", id, kind, "")
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func code(err error) string {
	var e *project.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// faulty counts what reaches a store, and fails on demand, before or after the change was made.
type faulty struct {
	project.Store
	calls  atomic.Int64
	before error
	after  error

	mu           sync.Mutex
	touches      []map[uint64]time.Time
	touchFailure error
}

// failTouches makes times of use fail with err from now on, or be taken when it is nil.
func (f *faulty) failTouches(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touchFailure = err
}

// touched returns the times of use that reached the store, in order.
func (f *faulty) touched() []map[uint64]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.touches)
}

func (f *faulty) Projects(ctx context.Context) ([]project.Project, error) {
	f.calls.Add(1)
	return f.Store.Projects(ctx)
}

func (f *faulty) Keys(ctx context.Context) ([]project.StoredKey, error) {
	f.calls.Add(1)
	return f.Store.Keys(ctx)
}

func (f *faulty) CreateKey(ctx context.Context, k project.StoredKey, audit func(uint64) project.AuditEntry) (uint64, error) {
	f.calls.Add(1)
	if f.before != nil {
		return 0, f.before
	}
	id, err := f.Store.CreateKey(ctx, k, audit)
	return id, errors.Join(err, f.after)
}

func (f *faulty) RevokeKey(ctx context.Context, id uint64, at time.Time, audit project.AuditEntry) error {
	f.calls.Add(1)
	if f.before != nil {
		return f.before
	}
	return errors.Join(f.Store.RevokeKey(ctx, id, at, audit), f.after)
}

func (f *faulty) TouchKeys(ctx context.Context, used map[uint64]time.Time) error {
	f.calls.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touches = append(f.touches, used)
	if f.touchFailure != nil {
		return f.touchFailure
	}
	return f.Store.TouchKeys(ctx, used)
}

func TestDefaults(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "  Shop ")
	if p.ID != 1 || p.Name != "Shop" || p.Timezone != "UTC" || p.Location() != time.UTC || p.FirstWeekday() != time.Monday ||
		p.RetentionDays != 0 || p.SessionGap() != 30*time.Minute || p.CreatedAt.IsZero() {
		t.Fatalf("got %+v", p)
	}
	if s.Location(1) != time.UTC || s.Location(2) != nil {
		t.Fatalf("zones %v and %v", s.Location(1), s.Location(2))
	}
}

func TestWrongSettings(t *testing.T) {
	type c = project.Change
	str := func(s string) *string { return &s }
	num := func(n int) *int { return &n }
	tests := map[string]struct {
		change c
		field  string
		says   []string
	}{
		"empty name":         {c{Name: str("  ")}, "name", []string{"0 characters", "1 to 100"}},
		"long name":          {c{Name: str(strings.Repeat("ü", 101))}, "name", []string{"101", "100"}},
		"line break":         {c{Name: str("a\nb")}, "name", []string{"U+000A"}},
		"turned direction":   {c{Name: str("a\u202eb")}, "name", []string{"U+202E"}},
		"bad UTF-8":          {c{Name: str("a\xff")}, "name", []string{"UTF-8"}},
		"no zone":            {c{Timezone: str("")}, "timezone", []string{`""`, "IANA"}},
		"local zone":         {c{Timezone: str("Local")}, "timezone", []string{"Local"}},
		"unknown zone":       {c{Timezone: str("Europe/Atlantis")}, "timezone", []string{"Europe/Atlantis"}},
		"zone as path":       {c{Timezone: str("/etc/localtime")}, "timezone", []string{"/etc/localtime"}},
		"zone climbing":      {c{Timezone: str("Europe/../UTC")}, "timezone", []string{"Europe/../UTC"}},
		"leap second zone":   {c{Timezone: str("right/Europe/Berlin")}, "timezone", []string{"right/"}},
		"machine's own zone": {c{Timezone: str("localtime")}, "timezone", []string{"localtime"}},
		"folder of zones":    {c{Timezone: str("Europe")}, "timezone", []string{"Europe"}},
		"long zone":          {c{Timezone: str(strings.Repeat("Z", 1e6))}, "timezone", []string{"999936 bytes more"}},
		"week start":         {c{WeekStart: str("Monday")}, "week_start", []string{"Monday", "monday or sunday"}},
		"negative retention": {c{RetentionDays: num(-1)}, "retention_days", []string{"-1", "36500"}},
		"long retention":     {c{RetentionDays: num(36501)}, "retention_days", []string{"36501", "36500"}},
		"no gap":             {c{SessionGapMinutes: num(0)}, "session_gap_minutes", []string{"0 minutes", "1440"}},
		"long gap":           {c{SessionGapMinutes: num(1441)}, "session_gap_minutes", []string{"1441", "1440"}},
		"negative rate":      {c{EventsPerSecond: num(-1)}, "events_per_second", []string{"-1 events a second", "10000000"}},
		"negative quota":     {c{EventsPerMonth: num(-1)}, "events_per_month", []string{"-1 events a month", "1000000000000"}},
		"high quota":         {c{EventsPerMonth: num(1_000_000_000_001)}, "events_per_month", []string{"1000000000001", "1000000000000"}},
		"high rate":          {c{EventsPerSecond: num(10_000_001)}, "events_per_second", []string{"10000001", "10000000"}},
	}
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := s.UpdateProject(t.Context(), "system", p.ID, test.change)
			var e *project.Error
			if !errors.As(err, &e) || e.Kind != project.Invalid || e.Field != test.field {
				t.Fatalf("got %#v", err)
			}
			for _, words := range test.says {
				if !strings.Contains(e.Message, words) {
					t.Errorf("%q does not say %q", e.Message, words)
				}
			}
			if now, _ := s.Project(p.ID); now != p {
				t.Errorf("the project is now %+v", now)
			}
		})
	}
	if _, err := s.CreateProject(t.Context(), "system", c{}); code(err) != "bad_name" {
		t.Errorf("a project without a name: %v", err)
	}
}

func TestNamesOfPeople(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	for _, name := range []string{"👨‍👩‍👧", "می\u200cخواهم", "Füße & Co. (β)", strings.Repeat("☂", 100), "a\u00a0b"} {
		if p := newProject(t, s, name); p.Name != name {
			t.Errorf("%q became %q", name, p.Name)
		}
	}
}

func TestWrongKeys(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	for _, test := range []struct {
		id   project.ID
		kind project.Kind
		name string
		code string
	}{
		{p.ID, "owner", "", "bad_key_kind"},
		{p.ID, "", "", "bad_key_kind"},
		{p.ID, project.Write, "a\tb", "bad_name"},
		{p.ID, project.Write, strings.Repeat("x", 101), "bad_name"},
		{9, project.Write, "", "no_such_project"},
	} {
		if _, secret, err := s.CreateKey(t.Context(), "system", test.id, test.kind, test.name); code(err) != test.code || secret != "" {
			t.Errorf("%+v: got %v", test, err)
		}
	}
	if _, err := s.Keys(t.Context(), 9); code(err) != "no_such_project" {
		t.Errorf("keys of no project: %v", err)
	}
	if err := s.RevokeKey(t.Context(), "system", 9); code(err) != "no_such_key" {
		t.Errorf("revoke no key: %v", err)
	}
}

func TestAuditTellsWhoDidWhat(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	days := 30
	for range 2 { // the second changes nothing
		if _, err := s.UpdateProject(t.Context(), "key 3 (admin)", p.ID, project.Change{RetentionDays: &days}); err != nil {
			t.Fatal(err)
		}
	}
	k, secret, err := s.CreateKey(t.Context(), "system", p.ID, project.Write, "phones")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(t.Context(), "key 3 (admin)", k.ID); err != nil {
		t.Fatal(err)
	}
	entries, err := s.Audit(t.Context(), 0, 0)
	if err != nil || len(entries) != 1 {
		t.Fatalf("a limit of 0 gave %d entries, %v", len(entries), err)
	}
	entries, err = s.Audit(t.Context(), 0, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Actor+": "+e.Action+": "+e.Detail)
		if strings.Contains(e.Detail, secret[3:35]) || e.Project != p.ID || e.At.IsZero() {
			t.Errorf("entry %+v", e)
		}
	}
	key := `write key 1, fw_…` + secret[37:] + `, "phones"`
	want := []string{
		"key 3 (admin): key.revoke: " + key,
		"system: key.create: " + key,
		"key 3 (admin): project.update: retention_days 30, was 0",
		`system: project.create: name "Shop"; timezone "UTC"; week_start "monday"; session_gap_minutes 30`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFaultOfTheStore(t *testing.T) {
	store := &faulty{Store: projecttest.NewMemory()}
	s := open(t, store)
	p := newProject(t, s, "Shop")
	k, secret := newKey(t, s, p.ID, project.Write)

	store.before = errors.New("disk on fire")
	err := s.RevokeKey(t.Context(), "system", k.ID)
	if code(err) != "control_plane_unavailable" || !errors.Is(err, store.before) {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Authenticate(secret); err != nil {
		t.Fatalf("the key was not revoked and is refused: %v", err)
	}

	// The store changed all the same: what it holds counts, though the caller was told otherwise.
	store.before, store.after = nil, errors.New("connection lost")
	lent := s.Lend(p.ID, project.Read)
	if err := s.RevokeKey(t.Context(), "system", k.ID); code(err) != "control_plane_unavailable" {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Authenticate(secret); code(err) != "revoked_key" {
		t.Fatalf("got %v", err)
	}
	if now, _ := s.Key(k.ID); now.LastUsedAt == nil {
		t.Fatal("the time of use was lost")
	}
	if _, err := s.Authenticate(lent); err != nil {
		t.Fatalf("the lent key was lost: %v", err)
	}
}

func TestReadsOutliveTheStore(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	_, secret := newKey(t, s, p.ID, project.Write)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Authenticate(secret); err != nil || len(s.Projects()) != 1 {
		t.Fatalf("projects %v, %v", s.Projects(), err)
	}
	name := "News"
	_, err := s.CreateProject(t.Context(), "system", project.Change{Name: &name})
	var e *project.Error
	if !errors.As(err, &e) || e.Kind != project.Unavailable {
		t.Fatalf("got %v", err)
	}
}

func TestUseIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := projecttest.NewMemory()
		store := &faulty{Store: memory}
		s, err := project.Open(t.Context(), store, project.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := newProject(t, s, "Shop")
		k, secret := newKey(t, s, p.ID, project.Write)
		pass := time.Sleep //nolint:forbidigo // nobody waits: it sets the bubble's clock
		use := func(times int) {
			for range times {
				if _, err := s.Authenticate(secret); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
			}
			synctest.Wait()
		}
		begin := time.Now()
		use(59)
		if got := store.touched(); len(got) != 0 {
			t.Fatalf("written before a minute: %v", got)
		}
		use(2)
		if got := store.touched(); len(got) != 1 || len(got[0]) != 1 {
			t.Fatalf("after a minute: %v", got)
		}
		pass(10 * time.Minute)
		synctest.Wait()
		if n := len(store.touched()); n > 2 {
			t.Fatalf("an idle key was written %d times", n)
		}

		store.failTouches(errors.New("disk full"))
		use(61)
		store.failTouches(nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		touches := store.touched()
		last := touches[len(touches)-1][k.ID]
		if want := begin.Add(10*time.Minute + 121*time.Second); !last.Equal(want) {
			t.Fatalf("closed with the time %s, want %s", last, want)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	const n = 8
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for range 50 {
				k, secret, err := s.CreateKey(t.Context(), "system", p.ID, project.Read, "")
				if err != nil {
					t.Error(err)
					return
				}
				if id, err := s.Authenticate(secret); err != nil || id.KeyID != k.ID {
					t.Errorf("a fresh key: %+v, %v", id, err)
				}
				if err := s.RevokeKey(t.Context(), "system", k.ID); err != nil {
					t.Error(err)
				}
				if _, err := s.Authenticate(secret); code(err) != "revoked_key" {
					t.Errorf("a revoked key: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if keys, err := s.Keys(t.Context(), p.ID); err != nil || len(keys) != n*50 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
}

// A new project is put on the lane with the fewest, and stays there.
func TestLanes(t *testing.T) {
	store := projecttest.NewMemory()
	s := open(t, store)
	on := func(s *project.Service, name string) int { return newProject(t, s, name).Lane }
	if a, b := on(s, "a"), on(s, "b"); a != 0 || b != 0 {
		t.Errorf("with one lane projects are on %d and %d", a, b)
	}
	s, err := project.Open(t.Context(), kept{store}, project.Options{Lanes: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var got []int
	for i := range 7 {
		got = append(got, on(s, fmt.Sprint(i)))
	}
	if want := []int{1, 2, 1, 2, 0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("with three lanes projects are on %v, want %v", got, want)
	}
	name := "changed"
	p, err := s.UpdateProject(t.Context(), "test", 3, project.Change{Name: &name})
	if lane, ok := s.Lane(3); err != nil || p.Lane != 1 || lane != 1 || !ok {
		t.Errorf("it is on %d after a change, %v", p.Lane, err)
	}
	if _, ok := s.Lane(99); ok {
		t.Error("a project that is not there has a lane")
	}
}

// kept is a store that is not closed.
type kept struct{ project.Store }

func (kept) Close() error { return nil }
