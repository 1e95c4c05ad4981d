package project_test

import (
	"hash/crc32"
	"math/big"
	"regexp"
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
)

var form = regexp.MustCompile(`\A(f[wra]_[0-9A-Za-z]{32})([0-9A-Za-z]{6})\z`)

// wellFormed says the same as the package, another way.
func wellFormed(secret string) bool {
	m := form.FindStringSubmatch(secret)
	return m != nil && m[2] == sum(m[1])
}

func sum(signed string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n, out := big.NewInt(int64(crc32.ChecksumIEEE([]byte(signed)))), ""
	for range 6 {
		var digit big.Int
		n.DivMod(n, big.NewInt(62), &digit)
		out = digits[digit.Int64():digit.Int64()+1] + out
	}
	return out
}

func TestSecretsHaveTheirForm(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	seen := map[string]bool{}
	used := map[byte]int{}
	for kind, prefix := range map[project.Kind]string{project.Write: "fw_", project.Read: "fr_", project.Admin: "fa_"} {
		for range 200 {
			k, secret := newKey(t, s, p.ID, kind)
			if !wellFormed(secret) || secret[:3] != prefix || k.Hint != prefix+"…"+secret[37:] || seen[secret] {
				t.Fatalf("a %s key is %s, its hint %s", kind, secret, k.Hint)
			}
			seen[secret] = true
			for i := 3; i < 35; i++ {
				used[secret[i]]++
			}
		}
	}
	// 19,200 characters, 310 of each on average; 200 is more than six deviations off.
	for c, n := range used {
		if n < 200 || n > 420 {
			t.Errorf("%q occurs %d times", c, n)
		}
	}
	if len(used) != 62 {
		t.Errorf("%d different characters", len(used))
	}
}

func TestRefusals(t *testing.T) {
	store := &faulty{Store: projecttest.NewMemory()}
	s := open(t, store)
	p := newProject(t, s, "Shop")
	k, secret := newKey(t, s, p.ID, project.Write)
	gone, goneSecret := newKey(t, s, p.ID, project.Admin)
	if err := s.RevokeKey(t.Context(), "system", gone.ID); err != nil {
		t.Fatal(err)
	}
	stranger := "fw_" + "00000000000000000000000000000000"
	stranger += sum(stranger)
	typo := []byte(secret)
	typo[10] ^= 1

	calls := store.calls.Load()
	for given, want := range map[string]string{
		secret:             "",
		goneSecret:         "revoked_key",
		stranger:           "unknown_key",
		string(typo):       "malformed_key",
		"":                 "malformed_key",
		" " + secret:       "malformed_key",
		secret[:40]:        "malformed_key",
		"fx_" + secret[3:]: "malformed_key",
		"fr_" + secret[3:]: "malformed_key",
	} {
		if _, err := s.Authenticate(given); code(err) != want {
			t.Errorf("%q: got %v, want the code %q", given, err, want)
		}
	}
	if n := store.calls.Load() - calls; n != 0 {
		t.Errorf("authentication went to the store %d times", n)
	}
	if id, err := s.Authenticate(secret); err != nil || id != (project.Identity{KeyID: k.ID, Project: p.ID, Kind: project.Write}) {
		t.Errorf("got %+v, %v", id, err)
	}
	// Only a key that opened something was used.
	if now, _ := s.Key(gone.ID); now.LastUsedAt != nil {
		t.Errorf("the revoked key was used at %s", now.LastUsedAt)
	}
}

func TestLentKeysLeaveNoTrace(t *testing.T) {
	store := projecttest.NewMemory()
	s := open(t, store)
	p := newProject(t, s, "Shop")
	secret := s.Lend(p.ID, project.Read)
	if id, err := s.Authenticate(secret); err != nil || id != (project.Identity{Project: p.ID, Kind: project.Read}) {
		t.Fatalf("got %+v, %v", id, err)
	}
	if keys, err := s.Keys(t.Context(), p.ID); err != nil || len(keys) != 0 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	if _, err := open(t, store).Authenticate(secret); code(err) != "unknown_key" {
		t.Fatalf("another process knows the key: %v", err)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	s := open(t, projecttest.NewMemory())
	p := newProject(t, s, "Shop")
	_, secret := newKey(t, s, p.ID, project.Write)
	bad := secret[:40] + "!"
	if n := testing.AllocsPerRun(1000, func() {
		_, _ = s.Authenticate(secret)
		_, _ = s.Authenticate(bad)
		_ = s.Location(p.ID)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAuthenticate(f *testing.F) {
	s := open(f, projecttest.NewMemory())
	p := newProject(f, s, "Shop")
	k, secret := newKey(f, s, p.ID, project.Write)
	lent := s.Lend(p.ID, project.Admin)
	for _, seed := range []string{secret, lent, "", "fw_", secret[:40], secret + "x", "fw_\x00", "fr_" + secret[3:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		id, err := s.Authenticate(given)
		switch {
		case given == secret:
			if err != nil || id.KeyID != k.ID {
				t.Fatalf("the key: %+v, %v", id, err)
			}
		case given == lent:
			if err != nil || id.Kind != project.Admin {
				t.Fatalf("the lent key: %+v, %v", id, err)
			}
		case id != project.Identity{}:
			t.Fatalf("a stranger is %+v", id)
		case wellFormed(given) && code(err) != "unknown_key", !wellFormed(given) && code(err) != "malformed_key":
			t.Fatalf("well formed: %t; got %v", wellFormed(given), err)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	s := open(b, projecttest.NewMemory())
	p := newProject(b, s, "Shop")
	_, secret := newKey(b, s, p.ID, project.Write)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Authenticate(secret); err != nil {
				b.Error(err)
			}
		}
	})
}
