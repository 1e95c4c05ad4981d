//go:build cluster

package postgres_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/project/postgres"
	"github.com/freshet/freshet/internal/project/projecttest"
	"github.com/freshet/freshet/internal/project/schema"
	"github.com/freshet/freshet/internal/project/sqlite"
	"github.com/freshet/freshet/internal/project/statement"
	"github.com/freshet/freshet/test/postgrestest"
)

func open(t *testing.T, address string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	server := postgrestest.Start(t)
	projecttest.Run(t, func(t *testing.T) project.Store { return open(t, server.URL(server.Create())) })
}

// migrated is a database with the schema.
func migrated(t *testing.T, server *postgrestest.Server) string {
	t.Helper()
	name := server.Create()
	if _, err := open(t, server.URL(name)).Projects(t.Context()); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestManyAtOnce has several processes find an empty database at the same time.
func TestManyAtOnce(t *testing.T) {
	server := postgrestest.Start(t)
	name := server.Create()
	var wg sync.WaitGroup
	for range 8 {
		s := open(t, server.URL(name))
		wg.Go(func() {
			if _, err := s.Projects(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var times int
	if err := server.DB(name).QueryRow("select count(*) from goose_db_version where version_id > 0").Scan(&times); err != nil || times != len(files(t)) {
		t.Errorf("%d migrations were made, %v", times, err)
	}
}

func files(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(schema.PostgreSQL().Files(), "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names
}

// TestSameTables compares what SQLite and PostgreSQL make of the migrations.
func TestSameTables(t *testing.T) {
	server := postgrestest.Start(t)
	big := server.DB(migrated(t, server))
	dir := t.TempDir()
	file, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lite, err := sql.Open("sqlite", dir+"/"+sqlite.FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	a := lines(t, lite, `select m.name || '.' || c.name || ' ' ||
			case c.type when 'INTEGER' then 'number' when 'TEXT' then 'text' when 'BLOB' then 'bytes' else c.type end ||
			case when c."notnull" or c.pk > 0 then ' not null' else '' end
		from sqlite_schema m, pragma_table_info(m.name) c
		where m.type = 'table' and m.name not like 'sqlite%' and m.name not like 'goose%'`)
	b := lines(t, big, `select table_name || '.' || column_name || ' ' ||
			case data_type when 'bigint' then 'number' when 'boolean' then 'number' when 'text' then 'text' when 'bytea' then 'bytes' else data_type end ||
			case is_nullable when 'NO' then ' not null' else '' end
		from information_schema.columns
		where table_schema = 'public' and table_name not like 'goose%' and table_name <> 'schema_use'`)
	if len(a) < 50 || !slices.Equal(a, b) {
		t.Errorf("SQLite has\n%s\nand PostgreSQL\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

func lines(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.ToLower(s))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// TestMigrationsRewriteNothing makes each migration on the tables of the one before, and wants none of them written anew, or
// kept from those who read them.
func TestMigrationsRewriteNothing(t *testing.T) {
	server := postgrestest.Start(t)
	db := server.DB(server.Create())
	p, err := goose.NewProvider(goose.DialectPostgres, db, schema.PostgreSQL().Files(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	const nodes = "select relname || ' ' || pg_relation_filenode(oid) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')"
	var before []string
	for range p.ListSources() {
		made, err := p.UpByOne(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		after := lines(t, db, nodes)
		for _, was := range before {
			if !slices.Contains(after, was) {
				t.Errorf("%s: %s was written anew", made.Source.Path, was)
			}
		}
		before = after
	}
	if len(before) < 15 {
		t.Errorf("only %v were looked at", before)
	}
}

// TestDownAndUpAgain takes a used database back version by version and up again: each schema is what it was on the way up.
func TestDownAndUpAgain(t *testing.T) {
	server := postgrestest.Start(t)
	db := server.DB(server.Create())
	p, err := goose.NewProvider(goose.DialectPostgres, db, schema.PostgreSQL().Files(), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		t.Helper()
		all := lines(t, db, `select table_name || '.' || column_name || data_type || is_nullable from information_schema.columns where table_schema = 'public'`)
		all = append(all, lines(t, db, `select indexdef from pg_indexes where schemaname = 'public'`)...)
		all = append(all, lines(t, db, `select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace`)...)
		return strings.Join(append(all, lines(t, db, `select 'from ' || oldest from schema_use`)...), "\n")
	}
	var up []string
	for range p.ListSources() {
		if _, err := p.UpByOne(t.Context()); err != nil {
			t.Fatal(err)
		}
		up = append(up, state())
	}
	for v := len(up) - 1; v >= 1; v-- {
		if _, err := p.Down(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := state(); got != up[v-1] {
			t.Errorf("version %d is\n%s\nand was\n%s", v, got, up[v-1])
		}
	}
	if _, err := p.Up(t.Context()); err != nil || state() != up[len(up)-1] {
		t.Errorf("up again: %v", err)
	}
}

// TestOlderProgram runs this program on schemas that a newer one has made.
func TestOlderProgram(t *testing.T) {
	server := postgrestest.Start(t)
	latest := len(files(t))
	newer := func(t *testing.T, oldest int) string {
		t.Helper()
		name := migrated(t, server)
		if _, err := server.DB(name).Exec(fmt.Sprintf(`
			alter table project add column color text not null default '';
			alter table key add column note text;
			create table addition (project bigint not null references project (id), what text not null);
			insert into goose_db_version (version_id, is_applied) values (%d, true);
			update schema_use set oldest = %d`, latest+1, oldest)); err != nil {
			t.Fatal(err)
		}
		return server.URL(name)
	}
	t.Run("expanded", func(t *testing.T) {
		projecttest.Run(t, func(t *testing.T) project.Store { return open(t, newer(t, latest)) })
	})
	for _, oldest := range []int{0, latest + 1} {
		_, err := open(t, newer(t, oldest)).Projects(t.Context())
		if err == nil || !strings.Contains(err.Error(), "newer version of Freshet") {
			t.Errorf("a schema for programs from %d on: %v", oldest, err)
		}
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	server := postgrestest.Start(t)
	name := migrated(t, server)
	s := open(t, server.URL(name))
	if _, err := s.CreateProject(t.Context(), project.Project{Name: "a", WeekStart: "monday", SessionGapMinutes: 1},
		func(project.ID) project.AuditEntry { return project.AuditEntry{Detail: "x"} }); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"delete from audit", "update audit set detail = 'y'", "truncate audit"} {
		if _, err := server.DB(name).Exec(statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
}

// TestLostCommits cuts the connection at the commit, before the database has it and after, and wants each change made exactly
// once all the same.
func TestLostCommits(t *testing.T) {
	server := postgrestest.Start(t)
	name := migrated(t, server)
	for _, after := range []bool{false, true} {
		c := newCutter(t, server.Addr)
		s := open(t, postgrestest.Address(c.addr, name))
		if _, err := s.Projects(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.arm(after)
		p := project.Project{Name: fmt.Sprint("after ", after), Timezone: "UTC", WeekStart: "monday", SessionGapMinutes: 1}
		id, err := s.CreateProject(t.Context(), p, func(id project.ID) project.AuditEntry { return project.AuditEntry{Project: id} })
		if err != nil || c.cuts() != 1 {
			t.Fatalf("after %t: %v after %d cuts", after, err, c.cuts())
		}
		var projects, entries int
		err = server.DB(name).QueryRow("select (select count(*) from project where id = $1 and name = $2), (select count(*) from audit where project = $1)",
			int64(id), p.Name).Scan(&projects, &entries)
		if err != nil || projects != 1 || entries != 1 {
			t.Errorf("after %t: %d projects and %d entries, %v", after, projects, entries, err)
		}
	}
}

// TestHangingNeighbour has a server hang in the middle of a change, and others make theirs soon after.
func TestHangingNeighbour(t *testing.T) {
	server := postgrestest.Start(t)
	name := migrated(t, server)
	tx, err := server.DB(name).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(postgres.Begin); err != nil {
		t.Fatal(err)
	}
	s := open(t, server.URL(name))
	p := project.Project{Name: "a", Timezone: "UTC", WeekStart: "monday", SessionGapMinutes: 1}
	for tries := 1; ; tries++ {
		_, err := s.CreateProject(t.Context(), p, func(project.ID) project.AuditEntry { return project.AuditEntry{} })
		if err == nil {
			break
		}
		if tries == 5 {
			t.Fatalf("a neighbour that hangs keeps others from changes: %v", err)
		}
	}
}

// TestMove goes from SQLite to PostgreSQL and back.
func TestMove(t *testing.T) {
	server := postgrestest.Start(t)
	file := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	tables := func(s project.Store) *statement.Store {
		if big, ok := s.(*postgres.Store); ok {
			return big.Store
		}
		return s.(*sqlite.Store).Store
	}
	move := func(from, to project.Store) (bool, error) {
		return statement.Move(t.Context(), tables(from), tables(to))
	}
	projecttest.Moves(t, file(), open(t, server.URL(server.Create())), file(), move)
	projecttest.Moves(t, file(), file(), open(t, server.URL(server.Create())), move)
}
