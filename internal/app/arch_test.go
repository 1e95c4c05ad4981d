package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/freshet/freshet/"

// allowed says which of our own packages a room may import; what is below a folder counts as the folder. A room that
// is not listed fails the test, so that nobody adds one without saying where it stands.
var allowed = map[string][]string{
	"internal/event":    {},
	"internal/eventlog": {"internal/event", "internal/remote"},
	"internal/store":    {"internal/durable", "internal/event", "internal/eventlog", "internal/remote"},
	"internal/durable":  {},
	"internal/fault":    {},
	"internal/lease":    {},
	"internal/project":  {"internal/durable", "internal/lease", "internal/remote"},
	"internal/server":   {},
	"internal/progress": {},
	"internal/cache":    {"internal/remote"},
	"internal/config":   {},
	"internal/yield":    {},
	"internal/remote":   {},
	"internal/jsontree": {},
	"internal/ingest":   {"internal/cache", "internal/event", "internal/eventlog", "internal/jsontree", "internal/store"},
	"internal/archive":  {"internal/durable", "internal/event", "internal/eventlog", "internal/remote"},
	"internal/process":  {"internal/durable", "internal/event", "internal/eventlog", "internal/store"},
	"internal/query":    {"internal/event", "internal/eventlog", "internal/store"},
	"internal/api":      {"internal/event", "internal/eventlog", "internal/store", "internal/query", "internal/project", "internal/cache", "internal/ingest"},
	"internal/client":   {},
	"internal/demo":     {},
	"internal/importer": {"internal/event"},
	"internal/doctor":   {"internal/config"},
	"internal/bench":    {"internal/client", "internal/demo", "internal/eventlog"},
	"internal/drill":    {"internal/app", "internal/client", "internal/config", "internal/store"},
	"bench/overload":    {"internal/bench"},
	"bench/catchup":     {"internal/bench", "internal/client"},
	"bench/storm":       {"internal/bench"},
	"web":               {},
	"internal/app": {
		"internal/archive", "internal/durable", "internal/event", "internal/eventlog", "internal/store", "internal/project", "internal/server",
		"internal/cache", "internal/lease",
		"internal/config", "internal/ingest", "internal/process", "internal/query", "internal/api", "internal/client",
		"internal/demo", "internal/yield", "web",
	},
	"cmd/freshet": {
		"internal/app", "internal/bench", "internal/client", "internal/config", "internal/demo", "internal/doctor", "internal/drill",
		"internal/eventlog", "internal/importer", "internal/progress", "internal/server", "internal/store",
	},
}

// adapters are imported by the app only, and by the reference server of the benchmark, which is a command of its own.
var adapters = []string{
	"internal/eventlog/disk", "internal/eventlog/kafka", "internal/archive/cloud", "internal/store/duckdb", "internal/store/clickhouse", "internal/project/sqlite", "internal/project/postgres",
	"internal/cache/memory", "internal/cache/redis",
}

// anywhere is what every room may import: there the laboratory strikes.
const anywhere = "internal/fault"

// siblings may import each other below one room where one's format is part of the other's.
var siblings = map[string][]string{
	"internal/ingest/native":      {"internal/ingest/segment"},
	"internal/ingest/rudderstack": {"internal/ingest/segment"},
	// The engines of the control plane have their statements and migrations in common.
	"internal/project/sqlite":   {"internal/project/schema", "internal/project/statement"},
	"internal/project/postgres": {"internal/project/schema", "internal/project/statement"},
	// What an event is in columns is the same in every store.
	"internal/store/duckdb":     {"internal/store/flat"},
	"internal/store/clickhouse": {"internal/store/flat"},
	// An answer is delivered as a table, too.
	"internal/api/rest": {"internal/api/sheet"},
	// The machines of behavioural questions walk over histories.
	"internal/query/funnel":     {"internal/query/history"},
	"internal/query/retention":  {"internal/query/history"},
	"internal/query/lifecycle":  {"internal/query/history"},
	"internal/query/stickiness": {"internal/query/history"},
	"internal/query/path":       {"internal/query/history"},
	"internal/query/session":    {"internal/query/history"},
}

func TestImportRules(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			if target, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module); ours {
				check(t, filepath.ToSlash(rel), target)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, from, to string) {
	t.Helper()
	// Suites for adapters and the generator of a page are tools of tests and builds, not part of a path.
	if strings.HasSuffix(from, "test") || strings.HasPrefix(from, "test/") || strings.HasSuffix(from, "/gen") {
		return
	}
	room, ok := roomOf(from)
	if !ok {
		t.Errorf("%s belongs to no room; say in arch_test.go where it stands", from)
		return
	}
	if slices.Contains(adapters, to) && room != "internal/app" && !strings.HasPrefix(from, "cmd/") {
		t.Errorf("%s imports the adapter %s; only internal/app chooses adapters", from, to)
	}
	if to == anywhere {
		return
	}
	target, _ := roomOf(to)
	if room == target {
		if from != room && to != room && from != to && !slices.Contains(siblings[from], to) {
			t.Errorf("%s imports its sibling %s", from, to)
		}
		return
	}
	if !slices.Contains(allowed[room], target) {
		t.Errorf("%s imports %s, which %s may not", from, to, room)
	}
}

// roomOf is the room that a package belongs to.
func roomOf(pkg string) (string, bool) {
	for room := range allowed {
		if pkg == room || strings.HasPrefix(pkg, room+"/") {
			return room, true
		}
	}
	return "", false
}
