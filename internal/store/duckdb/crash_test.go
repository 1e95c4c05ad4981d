package duckdb

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
)

func eventPosition(i int) eventlog.Position { return eventlog.Position(i) }

// crash returns a folder with what the store's has at this moment, and gives the store up.
func crash(t testing.TB, s *Store, dir string) string {
	t.Helper()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	to := t.TempDir()
	for _, name := range []string{"store.duckdb", "store.duckdb.wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.stop()
	t.Cleanup(func() {
		s.done.Wait()
		_ = s.shut()
	})
	return to
}
