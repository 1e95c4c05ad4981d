package sqlite_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
	"github.com/freshet/freshet/internal/project/sqlite"
)

func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuite(t *testing.T) {
	projecttest.Run(t, func(t *testing.T) project.Store { return open(t, t.TempDir()) })
}

func TestAwkwardFolders(t *testing.T) {
	for _, name := range []string{"a b", "50%", "what?mode=memory", "a#b", "%3f", "ü;c&d=e"} {
		dir := filepath.Join(t.TempDir(), name, "deep")
		if err := open(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, sqlite.FileName)); err != nil || info.Size() == 0 {
			t.Errorf("in %q: the file is not where it belongs: %v", name, err)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	defer closeStore(t, s)
	if _, err := s.CreateProject(t.Context(), project.Project{Name: "a", WeekStart: "monday", SessionGapMinutes: 1},
		func(project.ID) project.AuditEntry { return project.AuditEntry{} }); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("files %v, %v", names, err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %s", name, info.Mode())
		}
	}
}

func TestSettingsOfTheFile(t *testing.T) {
	dir := t.TempDir()
	closeStore(t, open(t, dir))
	s := open(t, dir)
	defer closeStore(t, s)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
	} {
		if got := s.Pragma(t, pragma); got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	closeStore(t, open(t, dir))
	exec(t, dir, "insert into goose_db_version (version_id, is_applied) values (99, 1); pragma user_version = 98")
	_, err := sqlite.Open(t.Context(), dir)
	if err == nil || !strings.Contains(err.Error(), "version 99") || !strings.Contains(err.Error(), "newer version of Freshet") {
		t.Fatalf("got %v", err)
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	damage := map[string]func([]byte) []byte{
		"not a database": func([]byte) []byte { return bytes.Repeat([]byte("no database "), 1000) },
		"cut":            func(b []byte) []byte { return b[:len(b)/2] },
		"page zeroed":    func(b []byte) []byte { clear(b[4096:8192]); return b },
		"header zeroed":  func(b []byte) []byte { clear(b[:100]); return b },
	}
	for name, hurt := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			closeStore(t, open(t, dir))
			path := filepath.Join(dir, sqlite.FileName)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, hurt(b), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := sqlite.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), path) {
				t.Fatalf("got %v, want an error that names %s", err, path)
			}
		})
	}
}

func TestFolderInPlaceOfFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, sqlite.FileName)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v, want an error that names %s", err, path)
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.CreateProject(t.Context(), project.Project{Name: "a", WeekStart: "monday", SessionGapMinutes: 1},
		func(project.ID) project.AuditEntry { return project.AuditEntry{Detail: "x"} }); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	db := raw(t, dir)
	for _, statement := range []string{"delete from audit", "update audit set detail = 'y'"} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
}

func closeStore(t *testing.T, s *sqlite.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t *testing.T, dir, statement string) {
	t.Helper()
	db := raw(t, dir)
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
