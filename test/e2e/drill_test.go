package e2e_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// drilled is what freshet drill prints of a step.
type drilled struct {
	Name, Problem, Skipped      string
	Accepted, Stored, Duplicate int64
}

// drill drills on the server's folder.
func (s *server) drill(env []string, args ...string) (steps []drilled) {
	s.t.Helper()
	stdout, stderr, code := runCLI(s.t, env, append([]string{"drill", "--json", "--kills", "2"}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &steps); err != nil || code != 0 || len(steps) != 9 {
		s.t.Fatalf("drill: %d %v\n%s%s", code, err, stdout, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(s.dir), "freshet-drill-*")); err != nil || len(left) > 0 {
		s.t.Errorf("left behind: %v, %v", left, err)
	}
	return steps
}

// TestDrill drills on the folder of a running server, which must not notice. The copy gets events of its own while it is killed;
// after its index is lost all of them come again.
func TestDrill(t *testing.T) {
	t.Parallel()
	s := start(t, archived()...)
	s.send("/v1/events", manyEvents("a", 2000))
	s.send("/v1/events", manyEvents("a", 10))
	s.forget()
	s.waitIdle()
	steps := s.drill(nil, append([]string{"--data", s.dir}, s.args...)...)
	sent := steps[1].Stored - 2001
	if sent <= 0 {
		t.Errorf("no event was sent between the kills: %+v", steps[1])
	}
	for n, step := range steps {
		want := drilled{Accepted: steps[1].Accepted, Stored: 2001 + sent, Duplicate: steps[1].Duplicate}
		switch {
		case n == 0 || n == len(steps)-1:
			want.Accepted, want.Stored, want.Duplicate = 2011, 2001, 10
		case n >= 4:
			want.Accepted, want.Duplicate = want.Accepted+sent, want.Duplicate+sent
		}
		mounted := step.Skipped == "" || strings.Contains(step.Skipped, "mounted") && os.Getuid() != 0
		if step.Accepted != want.Accepted || step.Stored != want.Stored || step.Duplicate != want.Duplicate || !mounted {
			t.Errorf("%+v, want %+v", step, want)
		}
	}
	if n := len(s.export("")); n != 2001 {
		t.Errorf("the server has %d events after the drill", n)
	}
}

// TestDrillSkips drills on a folder in which there is nothing to damage but the store: the steps that were not done say so.
func TestDrillSkips(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.send("/v1/events", manyEvents("a", 100))
	s.waitIdle()
	s.stop()
	stdout, stderr, code := runCLI(t, nil, "drill", "--kills", "0", "--data", s.dir)
	if code != 0 {
		t.Fatalf("drill: %d\n%s%s", code, stdout, stderr)
	}
	skips := 0
	for line := range strings.Lines(stdout) {
		if strings.Contains(line, "skipped: ") {
			if skips++; strings.Contains(line, "nothing lost") {
				t.Errorf("a verdict on what was not done: %s", line)
			}
		}
	}
	if !strings.Contains(stdout, fmt.Sprintf("%-36s skipped: the log has one segment", "flip a bit of the log")) || skips == 0 {
		t.Errorf("it does not say what it skipped:\n%s", stdout)
	}
}

// TestDrillWritesNowhereElse drills with an environment and a file of settings that name the archive in use and a database: nothing
// of either may be touched, and the projects come from the copy of the database's.
func TestDrillWritesNowhereElse(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(t.TempDir(), "archive")
	s := start(t, "--archive-folder", archive, "--archive-interval", "1s", "--log-segment-bytes", "1MiB")
	s.send("/v1/events", manyEvents("a", 2000))
	s.waitIdle()
	eventually(t, soon, "all is archived", func() bool { return s.metric("freshet_archive_position") >= float64(s.status().Log.End) })
	s.stop()
	state := `{"projects":[{"id":1,"name":"shared","timezone":"UTC","week_start":"monday","session_gap_minutes":30}],"keys":[]}`
	control := fmt.Sprintf(`{"format":1,"sha256":"%x","made":"2026-01-01T00:00:00Z","state":%s}`, sha256.Sum256([]byte(state)), state)
	if err := os.WriteFile(filepath.Join(s.dir, "control.json"), []byte(control), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(t.TempDir(), "freshet.yaml")
	text := fmt.Sprintf("archive: {folder: %q, interval: 1s}\ndata: %q\n", archive, s.dir)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before := contents(t, archive)
	// Nobody listens on the port of the database.
	s.drill([]string{"FRESHET_CONFIG=" + settings, "FRESHET_PROJECT=postgres://freshet@127.0.0.1:9/freshet", "FRESHET_ARCHIVE_INTERVAL=1s"})
	if after := contents(t, archive); after != before {
		t.Errorf("the archive has changed from\n%s\nto\n%s", before, after)
	}
}

// contents lists the files below a folder with their sizes and times.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
