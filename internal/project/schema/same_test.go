package schema_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/project/schema"
)

var (
	table  = regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\)`)
	column = regexp.MustCompile(`(?m)^    (\w+) +(integer|text|blob|bigint|bytea|boolean)\b(.*)$`)
	added  = regexp.MustCompile(`(?m)^alter table (\w+) add column (\w+) (\w+)(.*);$`)
	// kinds are what the two engines call the same.
	kinds = map[string]string{"integer": "number", "bigint": "number", "boolean": "number", "text": "text", "blob": "bytes", "bytea": "bytes"}
)

// columns are those that a migration makes, with what they hold: "key.hash bytes not null".
func columns(text string) []string {
	var out []string
	up, _, _ := strings.Cut(text, "-- +goose Down")
	for _, t := range table.FindAllStringSubmatch(up, -1) {
		if t[1] == "schema_use" {
			continue // SQLite has user_version.
		}
		for _, c := range column.FindAllStringSubmatch(t[2], -1) {
			line := t[1] + "." + c[1] + " " + kinds[c[2]]
			if strings.Contains(c[3], "not null") || strings.Contains(c[3], "primary key") {
				line += " not null"
			}
			if _, to, found := strings.Cut(c[3], "references"); found {
				line += " references" + strings.TrimSuffix(to, ",")
			}
			out = append(out, line)
		}
	}
	for _, c := range added.FindAllStringSubmatch(up, -1) {
		line := c[1] + "." + c[2] + " " + kinds[c[3]]
		if strings.Contains(c[4], "not null default 0") {
			line += " not null default 0"
		}
		out = append(out, line)
	}
	return out
}

// TestBothSpellings holds the migrations of the engines to the same names, tables and columns. The suite of the cluster compares
// what the engines make of them.
func TestBothSpellings(t *testing.T) {
	lite, big := migrations(t, schema.SQLite().Files()), migrations(t, schema.PostgreSQL().Files())
	if len(lite) != len(big) {
		t.Fatalf("%d migrations of SQLite and %d of PostgreSQL", len(lite), len(big))
	}
	seen := map[string]bool{}
	for i := range lite {
		if lite[i].name != big[i].name {
			t.Errorf("%s is %s for PostgreSQL", lite[i].name, big[i].name)
		}
		a, b := columns(lite[i].text), columns(big[i].text)
		if !slices.Equal(a, b) {
			t.Errorf("%s:\n%s\nand for PostgreSQL\n%s", lite[i].name, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
		for _, c := range a {
			seen[c] = true
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %v were compared", slices.Sorted(maps.Keys(seen)))
	}
}
