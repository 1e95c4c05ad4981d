package duckdb

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// TestFileOfFormat3 opens a file that a binary of format 3 has written, with what that binary read out of it beside it:
// ids in every spelling, properties of all types, one key with two of them, a JSON property, traits, times in
// microseconds, two projects, two zones, dead letters, a ledger, four runs of one day and a link that no row follows yet.
// The file has to say the same, and go on saying it, whatever work is done on it.
func TestFileOfFormat3(t *testing.T) {
	dir, texts := t.TempDir(), t.TempDir()
	unpack(t, "format3.duckdb.gz", filepath.Join(dir, "store.duckdb"))
	want := map[store.ProjectID]string{}
	for project, name := range map[store.ProjectID]string{1: "format3.1.txt", 2: "format3.2.txt"} {
		unpack(t, name+".gz", filepath.Join(texts, name))
		b, err := os.ReadFile(filepath.Join(texts, name))
		if err != nil {
			t.Fatal(err)
		}
		want[project] = string(b)
	}
	s := open(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	check := func(when string) {
		t.Helper()
		for project, rows := range want {
			if got := everything(t, s, project); !strings.HasPrefix(got, rows) {
				t.Fatalf("%s, project %d: %s", when, project, firstDifference(got, rows))
			}
		}
		ledger, err := s.Ledger(context.Background(), 1, 0, 1e10)
		if err != nil || len(ledger) != 1 || ledger[0].Counts != (store.Counts{Accepted: 124, Stored: 120, Dead: 4}) {
			t.Fatalf("%s: ledger %+v, %v", when, ledger, err)
		}
		dead, err := s.DeadLetters(context.Background(), 1, 1e6, 10)
		if err != nil || len(dead) != 4 || string(dead[3].Body) != "{" || dead[3].Position != 42 {
			t.Fatalf("%s: dead letters %+v, %v", when, dead, err)
		}
		links, err := s.Links(context.Background())
		if err != nil || len(links) != 1 || links[0].From != user(1) || links[0].To != user(2) {
			t.Fatalf("%s: links %+v, %v", when, links, err)
		}
	}
	const end = 137
	if s.Position() != end || !s.pending.has(1) {
		t.Fatalf("opened at position %d, links pending: %t", s.Position(), s.pending.has(1))
	}
	check("opened")
	addSpelled(t, s, end)
	check("with rows in memory")
	checkSpelled(t, s, end)
	settle(t, s)
	if s.pending.has(1) {
		t.Fatal("links are still pending")
	}
	check("written, linked and rewritten")
	checkSpelled(t, s, end)
	if err := s.vacuum(context.Background()); err != nil {
		t.Fatal(err)
	}
	check("cleared of dead rows")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if s.Position() != eventlog.Position(end+len(spellings)) {
		t.Fatalf("opened again at position %d", s.Position())
	}
	check("opened again")
	checkSpelled(t, s, end)
}

// firstDifference is the first line in which the rows are not those wanted.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range w {
		if i >= len(g) || g[i] != w[i] {
			return "row " + strings.Join(append(g[min(i, len(g)):min(i+1, len(g))], w[i]), "\nwant ")
		}
	}
	return "nothing differs"
}

// TestNewerFormatIsRefused, in words that say what to do, and the file stays as it is.
func TestNewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 0, 10)
	flushed(t, s)
	if _, err := s.db.Exec("INSERT INTO store.format VALUES (?)", formatVersion+1); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "start a newer freshet") {
		t.Fatalf("opened with %v", err)
	}
	// The failed one has let go of the file: another may take its name and be opened.
	path := filepath.Join(dir, "store.duckdb")
	if err := os.Rename(path, path+".newer"); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	fill(t, s, 0, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
