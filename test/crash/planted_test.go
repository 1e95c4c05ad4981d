//go:build crash

package crash_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/fault"
)

// plantedIn are the bugs that a package's tests must find, by the package's folder, each with the test that must fail.
func plantedIn() map[string]map[fault.Bug]string {
	return map[string]map[fault.Bug]string{
		"internal/eventlog/disk": {
			fault.NoSync:          "TestPowerLossUnderLoad",
			fault.SyncFirst:       "TestPowerLossUnderLoad",
			fault.NoFolderSync:    "TestPowerLossUnderLoad",
			fault.SyncIgnored:     "TestFailedSyncEndsAcknowledgements",
			fault.SyncAgain:       "TestEveryCallFails",
			fault.FullIgnored:     "TestEveryCallFails",
			fault.TailInTheMiddle: "TestDamage/bit",
			fault.HeaderUnsummed:  "TestDamage/bit",
		},
		"internal/process/dedup": {
			fault.NoSyncAtRename: "TestCheckpointIsDurable",
			fault.WindowEdge:     "TestWindowEdges",
			fault.KeyOfAnyone:    "TestWindowEdges",
		},
		"internal/process": {
			fault.IDsForgotten: "TestExactlyOnce",
			fault.TrimUnread:   "TestKeepFrom",
			fault.CountedEarly: "TestRecord",
		},
		"internal/project": {fault.KeysForgotten: "TestFaultOfTheStore"},
		"internal/config":  {fault.AnyConfig: "TestLoadReportsEverythingWithItsPlace"},
		"internal/ingest":  {fault.AnyProxy: "TestForwardedFor", fault.InputBound: "TestAnswers"},
		"test/e2e":         {fault.LogClosedFirst: "TestUpgrade"},
	}
}

// plantedHere are the bugs that only a whole server shows, each with what must tell of it.
func plantedHere() map[fault.Bug]func(t *testing.T, env ...string) error {
	return map[fault.Bug]func(t *testing.T, env ...string) error{
		fault.NoSync:         powerCut,
		fault.PositionFirst:  killedInFlush,
		fault.TrimUnarchived: stoppedUnarchived,
		fault.AnyProject:     askedAboutAnother,
	}
}

// TestPlanted plants one bug at a time. A test that does not fail then would not have failed either had the bug come by
// itself; and without a bug it must not fail.
func TestPlanted(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var found atomic.Int64
	missing := map[fault.Bug]bool{}
	for _, bug := range fault.Bugs() {
		missing[bug] = true
	}
	t.Run("bugs", func(t *testing.T) {
		for folder, bugs := range plantedIn() {
			maps.DeleteFunc(missing, func(bug fault.Bug, _ bool) bool { return bugs[bug] != "" })
			t.Run(folder, func(t *testing.T) {
				t.Parallel()
				found.Add(plantedInPackage(t, folder, bugs))
			})
		}
		for bug, look := range plantedHere() {
			delete(missing, bug)
			t.Run(string(bug), func(t *testing.T) {
				t.Parallel()
				if err := look(t); err != nil {
					t.Fatalf("without any bug: %v", err)
				}
				if err := look(t, "FRESHET_PLANTED="+string(bug)); err == nil {
					t.Error("the bug is not found")
				} else {
					t.Logf("found: %v", err)
					found.Add(1)
				}
			})
		}
	})
	if len(missing) > 0 {
		t.Errorf("nobody looks for %v", slices.Collect(maps.Keys(missing)))
	}
	balance(t, "planted bugs found", int(found.Load()), 0, fmt.Sprintf("of %d in %d places, %s", len(fault.Bugs()), len(plantedIn())+len(plantedHere()), time.Since(began).Round(time.Second)))
}

// plantedInPackage compiles a package's tests once and runs them for each of its bugs. It returns how many were found.
func plantedInPackage(t *testing.T, folder string, bugs map[fault.Bug]string) (found int64) {
	t.Helper()
	folder = filepath.Join("..", "..", filepath.FromSlash(folder))
	binary := filepath.Join(t.TempDir(), "test")
	if out, err := exec.Command("go", "test", "-c", "-tags", "duckdb_arrow,fault", "-o", binary, "./"+folder).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	var flags []string
	if help, _ := exec.Command(binary, "-help").CombinedOutput(); strings.Contains(string(help), "rapid.nofailfile") {
		flags = []string{"-rapid.nofailfile"} // or what a bug makes fail is left in the tree
	}
	run := func(test string, env ...string) (string, error) {
		pattern := "^" + strings.ReplaceAll(test, "/", "$/^") + "$"
		cmd := exec.Command(binary, append(flags, "-test.run", pattern, "-test.failfast", "-test.timeout", "3m")...)
		cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, test := range slices.Compact(slices.Sorted(maps.Values(bugs))) {
		if out, err := run(test); err != nil {
			t.Fatalf("%s fails without any bug: %v\n%s", test, err, out)
		}
	}
	for bug, test := range bugs {
		if out, err := run(test, "FRESHET_PLANTED="+string(bug)); err == nil || !strings.Contains(out, "--- FAIL") {
			t.Errorf("%s does not find %s: %v\n%s", test, bug, err, out)
			continue
		}
		found++
	}
	return found
}

// powerCut takes power away from a server a few times.
func powerCut(t *testing.T, env ...string) error {
	r := newImages(t).round(t, 12, env...)
	if problems := r.check(); len(problems) > 0 {
		return problems[0]
	}
	return nil
}

// killedInFlush kills a server before the transaction of a flush is committed.
func killedInFlush(t *testing.T, env ...string) error {
	k := newKilling(t, filepath.Join(t.TempDir(), "data"))
	k.server.env = append(slices.Clone(env), fmt.Sprintf("FRESHET_FAULT=%s=kill@1", fault.StoreFlush))
	k.must(k.server.run())
	l := k.book.load(k.server, 2, 4*time.Millisecond)
	if !k.ends(soon) {
		t.Fatal("the server did not get to its first flush")
	}
	k.server.env = env
	k.must(k.server.start())
	l.finish()
	return k.server.count(k.book.page(k.book.size()))
}

// stoppedUnarchived stops a server whose archive has nothing of the log yet, and lets the next one trim.
func stoppedUnarchived(t *testing.T, env ...string) error {
	k := newKilling(t, filepath.Join(t.TempDir(), "data"))
	k.server.env = env
	for i, arg := range k.server.args {
		if arg == "--archive-interval" {
			k.server.args[i+1] = "1h"
		}
	}
	for range 3 {
		k.must(k.server.start())
		l := k.book.load(k.server, 2, 4*time.Millisecond)
		before, _ := k.book.size()
		k.must(k.server.until("some events are acknowledged", soon, func() bool {
			acked, _ := k.book.size()
			return acked > before+20
		}))
		l.finish()
		k.must(k.server.idle())
		k.must(k.server.stop())
	}
	acked, sent := k.book.page(k.book.size())
	return look(k.server.dir, acked, sent)
}

// askedAboutAnother asks about a project with the key of another.
func askedAboutAnother(t *testing.T, env ...string) error {
	k := newKilling(t, filepath.Join(t.TempDir(), "data"))
	s := k.server
	s.env = env
	k.must(s.start())
	k.must(s.change(http.MethodPost, "/v1/projects", `{"name":"Another"}`, nil))
	var made struct{ Key string }
	k.must(s.change(http.MethodPost, "/v1/projects/1/keys", `{"kind":"read","name":"ours"}`, &made))
	for _, path := range []string{"/v1/export?project=2", "/v1/schema?project=2", "/v1/ledger?project=2"} {
		var code int
		var answer []byte
		k.must(s.until("it is answered", soon, func() bool {
			var err error
			code, answer, err = s.call(http.MethodGet, path, made.Key, nil)
			return err == nil && code != http.StatusServiceUnavailable
		}))
		if code != http.StatusNotFound {
			return fmt.Errorf("%s with the key of project 1: %d %.100s", path, code, answer)
		}
	}
	return nil
}
