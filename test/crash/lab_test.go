//go:build crash

// Package crash_test is the laboratory: it takes a server's power away, kills it in the middle of everything, makes its
// calls fail, freezes its disk, and then counts. What was acknowledged must be there once, what was never sent must not, and
// the ledger must add up. It works on the real binary, built with the tag "fault" so that a moment can be chosen, and
// reads what it left behind with the server's own readers and with servers started on it.
//
// It needs Linux, root, loop devices and mkfs.xfs. `make test-crash` runs it; the variables CRASH_POINTS and CRASH_KILLS
// make it longer.
package crash_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// binaryVariable names the binary to test, one that was built with the tag "fault"; without it one is built.
const binaryVariable = "FRESHET_BIN"

// How much is done when nobody says otherwise.
const (
	defaultPoints = 1000
	defaultKills  = 100
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if os.Getenv(binaryVariable) == "" {
		dir, err := os.MkdirTemp("", "freshet-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary := filepath.Join(dir, "freshet")
		build := exec.Command("go", "build", "-tags", "duckdb_arrow,fault", "-o", binary, "../../cmd/freshet")
		build.Stderr = os.Stderr
		if err := errors.Join(build.Run(), os.Setenv(binaryVariable, binary)); err != nil {
			fmt.Fprintln(os.Stderr, "build the server:", err)
			return 1
		}
	}
	defer printBalance(os.Stdout)
	return m.Run()
}

// howMany reads a number from the environment.
func howMany(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number of at least 1", variable, s)
	}
	return n
}
