package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/projecttest"
	"github.com/freshet/freshet/internal/project/schema"
	"github.com/freshet/freshet/internal/project/sqlite"
)

// record writes the statements of this version, as a release does.
var record = flag.Bool("record", false, "write testdata/statements of the present schema")

// statements are the files that say what programs of earlier schemas do.
func statements(version int64) string {
	return filepath.Join("testdata", "statements", fmt.Sprintf("%05d.sql", version))
}

// migrator works on the schema of the file in a folder.
func migrator(t *testing.T, dir string) *goose.Provider {
	t.Helper()
	p, err := goose.NewProvider(goose.DialectSQLite3, raw(t, dir), schema.SQLite().Files(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tables is everything that makes the schema.
func tables(t *testing.T, dir string) string {
	t.Helper()
	rows, err := raw(t, dir).Query("select coalesce(sql, name) from sqlite_schema where name not like '%goose%' order by name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out strings.Builder
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out.WriteString(s + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	var oldest int
	if err := raw(t, dir).QueryRow("pragma user_version").Scan(&oldest); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%sfrom %d", out.String(), oldest)
}

// TestDownAndUpAgain takes a used file back version by version and up again: each schema is what it was on the way up, and
// what the older versions know is as it was.
func TestDownAndUpAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.CreateProject(t.Context(), project.Project{Name: "kept", Timezone: "UTC", WeekStart: "monday", SessionGapMinutes: 1},
		func(project.ID) project.AuditEntry { return project.AuditEntry{Detail: "x"} }); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	fresh := t.TempDir()
	if f, err := os.Create(filepath.Join(fresh, sqlite.FileName)); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	up, down := migrator(t, fresh), migrator(t, dir)
	latest, err := down.GetDBVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]string{}
	for v := range latest {
		if _, err := up.UpByOne(t.Context()); err != nil {
			t.Fatal(err)
		}
		want[v+1] = tables(t, fresh)
	}
	kept := func(v int64) {
		t.Helper()
		var name string
		if err := raw(t, dir).QueryRow("select name from project").Scan(&name); err != nil || name != "kept" {
			t.Errorf("at version %d: %q, %v", v, name, err)
		}
		if got := tables(t, dir); got != want[v] {
			t.Errorf("version %d is\n%s\nand was\n%s", v, got, want[v])
		}
	}
	kept(latest)
	for v := latest - 1; v >= 1; v-- {
		if _, err := down.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept(v)
	}
	closeStore(t, open(t, dir))
	kept(latest)
}

// TestOlderProgram runs this program on schemas that a newer one has made.
func TestOlderProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing goes on beside it")
	}
	dir := t.TempDir()
	closeStore(t, open(t, dir))
	latest, err := migrator(t, dir).GetDBVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	newer := func(t *testing.T, oldest int64) string {
		t.Helper()
		dir := t.TempDir()
		closeStore(t, open(t, dir))
		exec(t, dir, fmt.Sprintf(`
			alter table project add column color text not null default '';
			alter table key add column note text;
			create table addition (project integer not null references project (id), what text not null);
			create index key_by_kind on key (kind);
			insert into goose_db_version (version_id, is_applied) values (%d, 1);
			pragma user_version = %d`, latest+1, oldest))
		return dir
	}
	t.Run("expanded", func(t *testing.T) {
		projecttest.Run(t, func(t *testing.T) project.Store { return open(t, newer(t, latest)) })
	})
	for _, oldest := range []int64{0, latest + 1} {
		if _, err := sqlite.Open(t.Context(), newer(t, oldest)); err == nil || !strings.Contains(err.Error(), "newer version of Freshet") {
			t.Errorf("a schema for programs from %d on: %v", oldest, err)
		}
	}
}

// TestStatementsOfBefore prepares all statements of programs of earlier schemas on the present one, for as long as it says
// that they can go on. A release records them: go test -run TestStatementsOfBefore -record.
func TestStatementsOfBefore(t *testing.T) {
	sql.Register("recording", recorder)
	t.Run("suite", func(t *testing.T) {
		projecttest.Run(t, func(t *testing.T) project.Store {
			s, err := sqlite.OpenWith(t.Context(), t.TempDir(), "recording")
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
	dir := t.TempDir()
	closeStore(t, open(t, dir))
	latest, err := migrator(t, dir).GetDBVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db := raw(t, dir)
	prepare := func(who string, all []string) {
		t.Helper()
		if len(all) < 20 {
			t.Errorf("%s: %d statements", who, len(all))
		}
		for _, s := range all {
			if err := preparable(db, s); err != nil {
				t.Errorf("%s: %s: %v", who, s, err)
			}
		}
	}
	now := recorder.own()
	prepare("this version", now)
	if *record {
		if err := os.WriteFile(statements(latest), []byte(strings.Join(now, ";\n")+";\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var oldest int64
	if err := db.QueryRow("pragma user_version").Scan(&oldest); err != nil {
		t.Fatal(err)
	}
	for v := max(oldest, 1); v < latest; v++ {
		b, err := os.ReadFile(statements(v))
		if err != nil {
			continue // That schema was in no release.
		}
		prepare(fmt.Sprintf("version %d", v), strings.Split(strings.TrimSuffix(string(bytes.TrimSpace(b)), ";"), ";\n"))
	}
}

func preparable(db *sql.DB, statement string) error {
	p, err := db.Prepare(statement)
	if err != nil {
		return err
	}
	defer p.Close()
	return nil
}

// recorder is the driver, and notes what it is asked.
var recorder = &recording{seen: map[string]bool{}}

type recording struct {
	// mu guards seen.
	mu   sync.Mutex
	seen map[string]bool
}

// own are the statements that are no schema's.
func (r *recording) own() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.seen)), func(s string) bool {
		word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(s)), " ")
		return !slices.Contains([]string{"select", "insert", "update", "delete", "with"}, word) || strings.Contains(s, "goose") || strings.Contains(s, "sqlite_")
	})
}

func (r *recording) note(statement string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[strings.Join(strings.Fields(statement), " ")] = true
}

// Open implements driver.Driver.
func (r *recording) Open(name string) (driver.Conn, error) {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	c, err := db.Driver().Open(name)
	if err != nil {
		return nil, err
	}
	return &recorded{Conn: c, to: r}, nil
}

type recorded struct {
	driver.Conn
	to *recording
}

func (c *recorded) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.to.note(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *recorded) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.to.note(query)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *recorded) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.to.note(query)
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *recorded) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}
