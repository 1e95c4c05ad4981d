package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRequireData starts a server whose folder is empty because its disk is not mounted: it must not begin anew, with keys that no
// app has. On the folder it had it starts.
func TestRequireData(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.send("/v1/events", manyEvents("a", 1))
	s.stop()
	empty := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := runCLI(t, nil, "serve", "--require-data", "--data", empty, "--listen", s.addr, "--admin-listen", "")
	if code != 1 || !strings.Contains(stderr, "is its disk mounted?") {
		t.Errorf("%d %s", code, stderr)
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
	s.args = append(s.args, "--require-data")
	s.restart()
	s.waitIdle()
	if n := len(s.export("")); n != 1 {
		t.Errorf("%d events", n)
	}
}
