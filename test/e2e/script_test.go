package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// sdkRoot has a folder for each SDK: its package with a lock file and send.js, or a module in Go.
const sdkRoot = "../sdk/"

// script is a program of test/sdk that sends events with an SDK as it comes from its registry.
type script struct {
	folder string
	// env are more variables, such as "ENCODING=protobuf", args more arguments, such as "scene".
	env, args []string
}

// play runs a script against a URL, which may be that of a proxy, and returns what it prints.
func (s *server) play(t *testing.T, url string, sc script, events int) []byte {
	t.Helper()
	cmd := sc.command(t)
	cmd.Env = append(os.Environ(), "FRESHET_URL="+url, "FRESHET_KEY="+s.write, fmt.Sprint("EVENTS=", events))
	cmd.Env = append(cmd.Env, sc.env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", sc.folder, err, anyKey.ReplaceAllString(tail(errs.String(), 2000), "KEY"))
	}
	return out
}

// command is what runs a script: Node, or a program in Go that is a module of its own.
func (sc script) command(t *testing.T) *exec.Cmd {
	t.Helper()
	dir := sdkRoot + sc.folder
	if _, err := os.Stat(dir + "/go.mod"); err != nil {
		installNode(t, sc.folder)
		cmd := exec.Command("node", append([]string{"send.js"}, sc.args...)...)
		cmd.Dir = dir
		return cmd
	}
	binary := t.TempDir() + "/send"
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", sc.folder, err, out)
	}
	return exec.Command(binary, sc.args...)
}

// installing lets one script's modules be fetched at a time; two tests may need the same.
var installing sync.Mutex

// installNode fetches a script's modules as its lock file has them.
func installNode(t *testing.T, folder string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatalf("Node 20 is needed: %v", err)
	}
	installing.Lock()
	defer installing.Unlock()
	if _, err := os.Stat(sdkRoot + folder + "/node_modules"); err == nil {
		return
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = sdkRoot + folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", folder, err, out)
	}
}

// number is an event's property n, by which a script numbers what it sends. Identify and group calls have it as a trait.
func (e stored) number(t *testing.T) int {
	t.Helper()
	for _, members := range []map[string]json.RawMessage{e.Properties, e.Traits} {
		var n int
		if text, ok := members["n"]; ok && json.Unmarshal([]byte(strings.Trim(string(text), `"`)), &n) == nil {
			return n
		}
	}
	t.Fatalf("an event without number: %+v", e)
	return 0
}

// checkNumbered wants the events 0 to count-1 exactly once each, as want has them: event n happened n seconds before it
// was sent, which was between began and now.
func checkNumbered(t *testing.T, events []stored, count int, began time.Time, want func(n int) stored) {
	t.Helper()
	seen := map[int]bool{}
	for _, e := range events {
		n := e.number(t)
		if seen[n] {
			t.Errorf("event %d is there twice", n)
		}
		seen[n] = true
		w := want(n)
		if e.Kind != w.Kind || e.Event != w.Event || e.UserID != w.UserID || e.AnonymousID != w.AnonymousID || w.ID != "" && e.ID != w.ID {
			t.Errorf("event %d is %+v, want %+v", n, e, w)
		}
		sent := e.Timestamp.Add(time.Duration(n) * time.Second)
		if sent.Before(began.Add(-2*time.Second)) || sent.After(time.Now().Add(2*time.Second)) {
			t.Errorf("event %d happened at %s, %s before the test began", n, e.Timestamp, began.Sub(e.Timestamp))
		}
	}
	if len(seen) != count {
		t.Errorf("%d events are there, want %d", len(seen), count)
	}
}
