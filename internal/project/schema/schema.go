// Package schema makes the tables of the control plane. Each migration is there once for each engine, under one name, in the
// folders sqlite and postgres; the tests hold the two to the same tables, and each to the rule that a schema only grows while
// the version before may still use it.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/freshet/freshet/internal/project"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Dialect is an engine's spelling of the migrations.
type Dialect struct {
	folder string
	goose  goose.Dialect
	// oldest asks for the oldest schema whose programs can go on with the one there is, 0 when it does not say.
	oldest string
}

// SQLite notes the oldest schema in the file's user_version.
func SQLite() Dialect { return Dialect{"sqlite", goose.DialectSQLite3, "pragma user_version"} }

// PostgreSQL notes the oldest schema in a table of its own.
func PostgreSQL() Dialect {
	return Dialect{"postgres", goose.DialectPostgres, "select coalesce(max(oldest), 0) from schema_use"}
}

// Files are the migrations.
func (d Dialect) Files() fs.FS {
	dir, err := fs.Sub(files, d.folder)
	if err != nil {
		panic(err) // the folders are those above
	}
	return dir
}

// Migrate brings the schema of db up to date. A schema of a newer version is left as it is when it says that this version can
// use it, and is project.ErrUnusable otherwise. Only one process at a time may migrate a database.
func (d Dialect) Migrate(ctx context.Context, db *sql.DB) error {
	p, err := goose.NewProvider(d.goose, db, d.Files(), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	found, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if found > known {
		return d.newer(ctx, db, found, known)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema from version %d to %d: %w", found, known, err)
	}
	return nil
}

// newer tells whether a schema that a newer version has made can be used by this one. A migration only adds, as a rule, and
// notes the oldest schema whose programs can go on; so the version before runs beside the next one, and can take its place
// again.
func (d Dialect) newer(ctx context.Context, db *sql.DB, found, known int64) error {
	var oldest int64
	if err := db.QueryRowContext(ctx, d.oldest).Scan(&oldest); err != nil {
		return fmt.Errorf("read which versions can use the schema: %w", err)
	}
	if oldest == 0 || known < oldest {
		return fmt.Errorf("%w: its schema has version %d and this program knows versions up to %d: "+
			"it was written by a newer version of Freshet, which must be used to open it", project.ErrUnusable, found, known)
	}
	return nil
}
