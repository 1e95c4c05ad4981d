package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A migration expands: while the version before still runs, or runs again, all it does must go on to work. What takes away
// is a contraction. It comes in a later release, and says by user_version whom it leaves behind.
var (
	comment = regexp.MustCompile(`--[^\n]*`)
	// destructive is what the version before may still need.
	destructive = regexp.MustCompile(`(?i)\b(drop\s+(table|column|view|index|trigger)|rename\s+(to|column)|alter\s+table\s+\w+\s+(drop|rename)|delete\s+from|replace\s+into)\b`)
	// rewriting touches every row, and nobody else can write meanwhile. More than a few rows are for a loop in Go that can be
	// throttled and broken off.
	rewriting = regexp.MustCompile(`(?i)\b(update\s+\w+\s+set|insert\s+into\s+\w+[^;]*\bselect\b)`)
	// narrowing refuses what the version before writes.
	narrowing  = regexp.MustCompile(`(?i)\badd\s+(column\s+)?[^;]*\bnot\s+null\b`)
	withValue  = regexp.MustCompile(`(?i)\bdefault\b`)
	uniqueOn   = regexp.MustCompile(`(?i)create\s+unique\s+index\s+\w+\s+on\s+(\w+)`)
	triggerOn  = regexp.MustCompile(`(?i)create\s+trigger\s+\w+\s+(?:before|after)\s+\w+\s+on\s+(\w+)`)
	made       = regexp.MustCompile(`(?i)create\s+table\s+(\w+)`)
	oldestUser = regexp.MustCompile(`(?i)pragma\s+user_version\s*=\s*(\d+)`)
)

// lint is what is wrong with the migration to a version.
func lint(version int, text string) (out []string) {
	text = strings.ReplaceAll(text, "-- +goose", "++ goose")
	text = comment.ReplaceAllString(text, "")
	up, down, found := strings.Cut(text, "++ goose Down")
	if version > 1 && (!found || strings.TrimSpace(down) == "") {
		out = append(out, "it has no way back (-- +goose Down)")
	}
	oldest := 0
	if m := oldestUser.FindStringSubmatch(up); m != nil {
		oldest, _ = strconv.Atoi(m[1])
	}
	// Up to 4 there was no such note, and programs refuse every newer schema.
	if version > 4 && (oldest == 0 || oldest > version) {
		out = append(out, "it does not say whose programs can go on (pragma user_version)")
	}
	if m := rewriting.FindString(up); m != "" {
		out = append(out, fmt.Sprintf("it rewrites rows under a lock: %q", m))
	}
	if version > 4 && oldest == version {
		return out // A contraction leaves the others behind, and says so.
	}
	tables := map[string]bool{}
	for _, m := range made.FindAllStringSubmatch(up, -1) {
		tables[m[1]] = true
	}
	for _, r := range []*regexp.Regexp{uniqueOn, triggerOn} {
		for _, m := range r.FindAllStringSubmatch(up, -1) {
			if !tables[m[1]] {
				out = append(out, fmt.Sprintf("it refuses what programs of before write: %q", m[0]))
			}
		}
	}
	if m := destructive.FindString(up); m != "" {
		out = append(out, fmt.Sprintf("it takes away what programs of before use: %q", m))
	}
	for _, statement := range strings.Split(up, ";") {
		if m := narrowing.FindString(statement); m != "" && !withValue.MatchString(statement) {
			out = append(out, fmt.Sprintf("it refuses what programs of before write: %q", strings.TrimSpace(m)))
		}
	}
	return out
}

func TestMigrationsExpand(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("migrations", "*.sql"))
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if version, err := strconv.Atoi(filepath.Base(name)[:5]); err != nil || version != i+1 {
			t.Errorf("%s is not number %d", name, i+1)
		}
		for _, wrong := range lint(i+1, string(b)) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// TestLint sees what must not be in a migration.
func TestLint(t *testing.T) {
	const down = "\n-- +goose Down\ndrop table x;"
	for up, wrong := range map[string]string{
		"pragma user_version = 8; create table x (a integer not null);":                                    "",
		"pragma user_version = 8; alter table project add column note text not null default '';":           "",
		"pragma user_version = 8; alter table project add column note text;":                               "",
		"pragma user_version = 8; create table x (a text); create unique index u on x (a);":                "",
		"pragma user_version = 9; drop table cohort;":                                                      "",
		"pragma user_version = 8; -- drop table cohort":                                                    "",
		"create table x (a text);":                                                                         "whose programs",
		"pragma user_version = 10; create table x (a text);":                                               "whose programs",
		"pragma user_version = 8; drop table cohort;":                                                      "takes away",
		"pragma user_version = 8; ALTER TABLE cohort RENAME COLUMN name TO title;":                         "takes away",
		"pragma user_version = 8; alter table cohort drop column name;":                                    "takes away",
		"pragma user_version = 8; delete from audit where id < 5;":                                         "takes away",
		"pragma user_version = 8; alter table project add column note text not null;":                      "refuses",
		"pragma user_version = 8; create unique index u on project (timezone);":                            "refuses",
		"pragma user_version = 8; create trigger t before insert on key begin select raise(abort,''); end": "refuses",
		"pragma user_version = 8; update project set name = 'x';":                                          "rewrites",
		"pragma user_version = 9; insert into x (a) select name from project;":                             "rewrites",
	} {
		got := lint(9, "-- +goose Up\n"+up+down)
		if (wrong == "") != (len(got) == 0) || wrong != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, wrong) }) {
			t.Errorf("%s: %q", up, got)
		}
	}
	if got := lint(9, "-- +goose Up\npragma user_version = 8; create table x (a text);"); len(got) != 1 || !strings.Contains(got[0], "no way back") {
		t.Errorf("without a way back: %q", got)
	}
}
