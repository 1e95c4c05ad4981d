package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSwap begins at every state that a crash can leave: a complete new store takes the place of the old one, and none of
// its files is taken for an old one.
func TestSwap(t *testing.T) {
	move := func(t *testing.T, data, name, to string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(data, filepath.Dir(to)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(data, name), filepath.Join(data, to)); err != nil {
			t.Fatal(err)
		}
	}
	aside := func(t *testing.T, data string) {
		if _, err := setAside(data, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	cleared := func(t *testing.T, data string) {
		aside(t, data)
		put(t, filepath.Join(data, rebuildFolder, clearedFile), "")
	}
	for name, crash := range map[string]func(t *testing.T, data string){
		"before":     func(*testing.T, string) {},
		"half aside": func(t *testing.T, data string) { move(t, data, "store.duckdb", "set-aside/1/store.duckdb") },
		"aside":      aside,
		"cleared":    cleared,
		"index in place": func(t *testing.T, data string) {
			cleared(t, data)
			move(t, data, "rebuild/dedup", "dedup")
		},
		"file in place": func(t *testing.T, data string) {
			cleared(t, data)
			move(t, data, "rebuild/dedup", "dedup")
			move(t, data, "rebuild/store.duckdb", "store.duckdb")
		},
		"all in place": func(t *testing.T, data string) {
			cleared(t, data)
			move(t, data, "rebuild/dedup", "dedup")
			move(t, data, "rebuild/store.duckdb", "store.duckdb")
			move(t, data, "rebuild/store.position", "store.position")
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			for _, dir := range []string{"", rebuildFolder} {
				content := "old"
				if dir != "" {
					content = "new"
				}
				for _, file := range []string{"store.duckdb", "store.position", "dedup/1.run"} {
					put(t, filepath.Join(data, dir, file), content)
				}
			}
			put(t, filepath.Join(data, "store.duckdb.wal"), "old")
			put(t, filepath.Join(data, markerFile), "{}")
			if done, err := swap(data, time.Now()); done || err != nil {
				t.Fatalf("an unfinished store was put in place: %v", err)
			}
			put(t, filepath.Join(data, rebuildFolder, doneFile), "")
			crash(t, data)
			if done, err := swap(data, time.Now()); !done || err != nil {
				t.Fatal(done, err)
			}
			for _, file := range []string{"store.duckdb", "store.position", "dedup/1.run"} {
				if b, err := os.ReadFile(filepath.Join(data, file)); err != nil || string(b) != "new" {
					t.Errorf("%s is %q, %v", file, b, err)
				}
			}
			for _, gone := range []string{rebuildFolder, markerFile, "store.duckdb.wal"} {
				if _, err := os.Stat(filepath.Join(data, gone)); err == nil {
					t.Errorf("%s is still there", gone)
				}
			}
			if done, err := swap(data, time.Now()); done || err != nil {
				t.Error("it was done twice", err)
			}
		})
	}
}
