package schema_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project/schema"
)

// A migration expands: while the version before still runs, or runs again, all it does must go on to work. What takes away
// is a contraction. It comes in a later release, and notes whom it leaves behind.
var (
	comment = regexp.MustCompile(`--[^\n]*`)
	// destructive is what the version before may still need.
	destructive = regexp.MustCompile(`(?i)\b(drop\s+(table|column|view|index|trigger|function)|rename\s+(to|column)|alter\s+table\s+\w+\s+(drop|rename)|delete\s+from|truncate|replace\s+into)\b`)
	// rewriting touches every row, and nobody else can write meanwhile. More than a few rows are for a loop in Go that can be
	// throttled and broken off.
	rewriting = regexp.MustCompile(`(?i)\b(update\s+\w+\s+set|insert\s+into\s+\w+[^;]*\bselect\b)`)
	// narrowing refuses what the version before writes.
	narrowing = regexp.MustCompile(`(?i)\badd\s+(column\s+)?[^;]*\bnot\s+null\b`)
	withValue = regexp.MustCompile(`(?i)\bdefault\b`)
	uniqueOn  = regexp.MustCompile(`(?i)create\s+unique\s+index\s+(?:concurrently\s+)?\w+\s+on\s+(\w+)`)
	triggerOn = regexp.MustCompile(`(?i)create\s+trigger\s+\w+\s+(?:before|after)\s[^;]*?\bon\s+(\w+)`)
	made      = regexp.MustCompile(`(?i)create\s+table\s+(\w+)`)
)

// dialect is what the rules know of an engine.
type dialect struct {
	files fs.FS
	// oldest finds the note of the oldest schema whose programs can go on.
	oldest *regexp.Regexp
	// locks is what keeps others away from a table for long.
	locks func(up string, tables map[string]bool) []string
}

var dialects = map[string]dialect{
	// One process has the file, and a change of it takes moments.
	"sqlite": {
		schema.SQLite().Files(), regexp.MustCompile(`(?i)pragma\s+user_version\s*=\s*(\d+)`),
		func(string, map[string]bool) []string { return nil },
	},
	"postgres": {
		schema.PostgreSQL().Files(), regexp.MustCompile(`(?i)update\s+schema_use\s+set\s+oldest\s*=\s*(\d+)`), locks,
	},
}

// What waits for a table behind somebody's long question has everybody else wait behind it, so each waits for moments only.
var lockTimeout = regexp.MustCompile(`(?i)set\s+(local\s+)?lock_timeout\s*=\s*'[1-5]s'`)

var (
	alters  = regexp.MustCompile(`(?is)\balter\s+table\s+(?:only\s+)?(?:if\s+exists\s+)?(\w+)\s+(.*)`)
	indexes = regexp.MustCompile(`(?i)create\s+(?:unique\s+)?index\s+(concurrently\s+)?(?:if\s+not\s+exists\s+)?\w+\s+on\s+(\w+)`)
	// long are the changes of a table that read or write all of it while nobody else may.
	long = []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(alter\s+(column\s+)?\w+\s+)(set\s+data\s+)?type\b`),
		regexp.MustCompile(`(?i)\bset\s+not\s+null\b`),
		regexp.MustCompile(`(?i)\badd\s+(column\s+)?[^;]*\b(generated|serial|bigserial|random\(|gen_random_uuid\(|clock_timestamp\(|nextval\()`),
		regexp.MustCompile(`(?i)\badd\s+(column\s+)?[^;]*\b(references|check|primary\s+key|unique|exclude)\b`),
		regexp.MustCompile(`(?i)\bset\s+(tablespace|logged|unlogged|access\s+method)\b`),
	}
	// brief is how a constraint comes without reading the table.
	brief = regexp.MustCompile(`(?i)\b(not\s+valid|using\s+index)\b`)
	whole = regexp.MustCompile(`(?i)\b(lock\s+table|cluster|vacuum\s+full|reindex|refresh\s+materialized)\b`)
)

// locks is what takes PostgreSQL's strong locks for longer than moments, on tables that were there before.
func locks(up string, tables map[string]bool) (out []string) {
	if !lockTimeout.MatchString(up) {
		out = append(out, "it may wait for a lock for ever (set local lock_timeout = '2s')")
	}
	for statement := range strings.SplitSeq(up, ";") {
		if m := whole.FindString(statement); m != "" {
			out = append(out, fmt.Sprintf("it locks a table for long: %q", m))
		}
		if m := indexes.FindStringSubmatch(statement); m != nil && m[1] == "" && !tables[m[2]] {
			out = append(out, fmt.Sprintf("it locks a table for long: %q without concurrently", m[0]))
		}
		m := alters.FindStringSubmatch(statement)
		if m == nil || tables[m[1]] || brief.MatchString(m[2]) {
			continue
		}
		for _, r := range long {
			if found := r.FindString(m[2]); found != "" {
				out = append(out, fmt.Sprintf("it locks a table for long: %q", found))
			}
		}
	}
	return out
}

// lint is what is wrong with the migration to a version.
func (d dialect) lint(version int, text string) (out []string) {
	text = strings.ReplaceAll(text, "-- +goose", "++ goose")
	text = comment.ReplaceAllString(text, "")
	up, down, found := strings.Cut(text, "++ goose Down")
	if version > 1 && (!found || strings.TrimSpace(down) == "") {
		out = append(out, "it has no way back (-- +goose Down)")
	}
	oldest := 0
	if m := d.oldest.FindStringSubmatch(up); m != nil {
		oldest, _ = strconv.Atoi(m[1])
	}
	up = d.oldest.ReplaceAllString(up, "")
	// Up to 4 there was no such note, and programs refuse every newer schema.
	if version > 4 && (oldest == 0 || oldest > version) {
		out = append(out, "it does not say whose programs can go on")
	}
	if m := rewriting.FindString(up); m != "" {
		out = append(out, fmt.Sprintf("it rewrites rows under a lock: %q", m))
	}
	tables := map[string]bool{}
	for _, m := range made.FindAllStringSubmatch(up, -1) {
		tables[m[1]] = true
	}
	out = append(out, d.locks(up, tables)...)
	if version > 4 && oldest == version {
		return out // A contraction leaves the others behind, and says so.
	}
	for _, r := range []*regexp.Regexp{uniqueOn, triggerOn} {
		for _, m := range r.FindAllStringSubmatch(up, -1) {
			if !tables[m[1]] {
				out = append(out, fmt.Sprintf("it refuses what programs of before write: %q", m[0]))
			}
		}
	}
	// A trigger may watch over what others may not do.
	if m := destructive.FindString(triggerOn.ReplaceAllString(up, "")); m != "" {
		out = append(out, fmt.Sprintf("it takes away what programs of before use: %q", m))
	}
	for statement := range strings.SplitSeq(up, ";") {
		if m := narrowing.FindString(statement); m != "" && !withValue.MatchString(statement) {
			out = append(out, fmt.Sprintf("it refuses what programs of before write: %q", strings.TrimSpace(m)))
		}
	}
	return out
}

func TestMigrationsExpand(t *testing.T) {
	for name, d := range dialects {
		for i, m := range migrations(t, d.files) {
			if version, err := strconv.Atoi(m.name[:5]); err != nil || version != i+1 {
				t.Errorf("%s/%s is not number %d", name, m.name, i+1)
			}
			for _, wrong := range d.lint(i+1, m.text) {
				t.Errorf("%s/%s: %s", name, m.name, wrong)
			}
		}
	}
}

type migration struct{ name, text string }

func migrations(t *testing.T, files fs.FS) (out []migration) {
	t.Helper()
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, migration{name, string(b)})
	}
	return out
}

// TestLint sees what must not be in a migration. NOTE stands for the note of version 8, or of 9.
func TestLint(t *testing.T) {
	const down = "\n-- +goose Down\ndrop table x;"
	common := map[string]string{
		"NOTE8; create table x (a integer not null);":                                    "",
		"NOTE8; alter table project add column note text not null default '';":           "",
		"NOTE8; alter table project add column note text;":                               "",
		"NOTE8; create table x (a text); create unique index u on x (a);":                "",
		"NOTE9; drop table cohort;":                                                      "",
		"NOTE8; -- drop table cohort":                                                    "",
		"create table x (a text);":                                                       "whose programs",
		"NOTE10; create table x (a text);":                                               "whose programs",
		"NOTE8; drop table cohort;":                                                      "takes away",
		"NOTE8; ALTER TABLE cohort RENAME COLUMN name TO title;":                         "takes away",
		"NOTE8; alter table cohort drop column name;":                                    "takes away",
		"NOTE8; delete from audit where id < 5;":                                         "takes away",
		"NOTE8; alter table project add column note text not null;":                      "refuses",
		"NOTE8; create unique index u on project (timezone);":                            "refuses",
		"NOTE8; create trigger t before insert on key begin select raise(abort,''); end": "refuses",
		"NOTE8; update project set name = 'x';":                                          "rewrites",
		"NOTE9; insert into x (a) select name from project;":                             "rewrites",
	}
	locking := map[string]string{
		"NOTE8; alter table project alter column name type varchar(100);":                 "for long",
		"NOTE9; alter table project alter name set data type varchar(100);":               "for long",
		"NOTE9; alter table project alter column timezone set not null;":                  "for long",
		"NOTE8; alter table project add column n bigint generated always as identity;":    "for long",
		"NOTE8; alter table project add column n uuid default gen_random_uuid();":         "for long",
		"NOTE8; alter table insight add constraint c check (version < 9);":                "for long",
		"NOTE8; alter table insight add constraint c check (version < 9) not valid;":      "",
		"NOTE8; alter table insight add foreign key (project) references project (id);":   "for long",
		"NOTE8; alter table insight add constraint u unique (name);":                      "for long",
		"NOTE8; alter table insight add constraint u unique using index insight_by_name;": "",
		"NOTE8; create index i on key (kind);":                                            "concurrently",
		"NOTE8; create index concurrently i on key (kind);":                               "",
		"NOTE8; create table x (a text); create index i on x (a);":                        "",
		"NOTE8; create table x (a text); alter table x add unique (a);":                   "",
		"NOTE9; lock table key; ":  "for long",
		"NOTE9; vacuum full key; ": "for long",
	}
	try := func(name, note, up, wrong string) {
		t.Helper()
		got := dialects[name].lint(9, "-- +goose Up\n"+strings.ReplaceAll(up, "NOTE", note)+down)
		if (wrong == "") != (len(got) == 0) || wrong != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, wrong) }) {
			t.Errorf("%s: %s: %q", name, up, got)
		}
	}
	const waits = "set local lock_timeout = '2s'; "
	for up, wrong := range common {
		try("sqlite", "pragma user_version = ", up, wrong)
		try("postgres", "update schema_use set oldest = ", waits+up, wrong)
	}
	for up, wrong := range locking {
		try("postgres", "update schema_use set oldest = ", waits+up, wrong)
	}
	try("postgres", "update schema_use set oldest = ", "NOTE8; create table x (a text)", "wait for a lock")
	if got := dialects["sqlite"].lint(9, "-- +goose Up\npragma user_version = 8; create table x (a text);"); len(got) != 1 || !strings.Contains(got[0], "no way back") {
		t.Errorf("without a way back: %q", got)
	}
}

// A migration that was released is in databases that nobody can reach; changing it would make two kinds of them.
func TestMigrationsOnlyAppend(t *testing.T) {
	released := map[string]string{
		"00001_control_plane.sql": "c983be76ffac3605",
		"00002_insights.sql":      "3beb8b509e0aac4f",
		"00003_cohorts.sql":       "a0d5a5fe7369d187",
		"00004_dashboards.sql":    "7b9aa83b9605997e",
	}
	for _, m := range migrations(t, schema.SQLite().Files()) {
		sum := sha256.Sum256([]byte(m.text))
		if want, ok := released[m.name]; ok && hex.EncodeToString(sum[:8]) != want {
			t.Errorf("%s was changed (%x, released as %s); add a new migration instead", m.name, sum[:8], want)
		}
		delete(released, m.name)
	}
	if len(released) > 0 {
		t.Errorf("%v are gone", released)
	}
}
