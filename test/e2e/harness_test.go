// Package e2e_test starts the real binary and knows nothing of its inside: what it checks is what an operator and an app
// can see. A server is killed, stopped, filled and taken over here as it is in the field.
package e2e_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaryVariable names the binary to test; without it one is built.
const binaryVariable = "FRESHET_BIN"

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if os.Getenv(binaryVariable) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "freshet-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "freshet")
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", binary, "../../cmd/freshet")
	build.Stderr = os.Stderr
	if err := errors.Join(build.Run(), os.Setenv(binaryVariable, binary)); err != nil {
		fmt.Fprintln(os.Stderr, "build the server:", err)
		return 1
	}
	return m.Run()
}

const (
	// soon bounds what should take a moment, on a machine that is busy with other things.
	soon = 30 * time.Second
	// pollEvery is how often a condition is looked at.
	pollEvery = 10 * time.Millisecond
)

// eventually waits for a condition.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.After(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("not within %s: %s", within, what)
		case <-tick.C:
		}
	}
}

// output gathers what a process writes; it is safe for concurrent use.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// server is a data folder with the processes that ran on it, one after the other.
type server struct {
	t    testing.TB
	dir  string
	addr string
	args []string
	// binary is what the next process runs, if not the one that is tested.
	binary string
	http   *http.Client
	// write and admin are the keys printed by the first start.
	write, admin string
	// out and log are what all processes wrote to stdout and stderr.
	out, log output
	process  *process
	// alive counts the events of checkAlive.
	alive int
	// env is what processes have in their environment besides.
	env []string
	// group is a cgroup that the processes are started in, unless it is empty.
	group string
}

// process is one life of the server.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

var printedKey = regexp.MustCompile(`(?m)^(Write|Admin) key +(f[wa]_[0-9A-Za-z]{38})`)

// start runs a new server on a folder of its own, with more flags, and waits until it is ready.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	return startIn(t, filepath.Join(t.TempDir(), "data"), args...)
}

// startIn is start with a given data folder.
func startIn(t testing.TB, dir string, args ...string) *server {
	t.Helper()
	return startBinary(t, "", dir, args...)
}

// startBinary is startIn with a binary that is not the one that is tested, unless it is empty.
func startBinary(t testing.TB, binary, dir string, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, args: args, binary: binary}
	s.launch()
	return s
}

// launch starts the server for the first time, waits until it is ready, and reads the keys that it prints.
func (s *server) launch() {
	t := s.t
	t.Helper()
	s.addr, s.http = freeAddress(t), newClient()
	t.Cleanup(s.end)
	s.run()
	s.waitReady()
	// What was printed before the server was ready may be read a moment later.
	eventually(t, soon, "the first start has printed its keys", func() bool {
		for _, m := range printedKey.FindAllStringSubmatch(s.out.String(), -1) {
			if m[1] == "Write" {
				s.write = m[2]
			} else {
				s.admin = m[2]
			}
		}
		return s.write != "" && s.admin != ""
	})
}

func newClient() *http.Client {
	return &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}

// freeAddress picks a port below those that the kernel gives to clients: while the server is down, a client that
// connects to its port from the same port would talk to itself.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// run starts a process on the data folder, without waiting for it.
func (s *server) run() {
	s.t.Helper()
	s.process = s.spawn(s.addr)
}

func (s *server) spawn(addr string) *process {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.dir, "--listen", addr, "--admin-listen", "", "--log-level", "info"}, s.args...)
	p := &process{cmd: exec.Command(cmp.Or(s.binary, os.Getenv(binaryVariable)), args...), exited: make(chan struct{})}
	if len(s.env) > 0 {
		p.cmd.Env = append(os.Environ(), s.env...)
	}
	if s.group != "" { // A shell goes into the group and becomes the server.
		p.cmd.Path = "/bin/sh"
		p.cmd.Args = append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(s.group, "cgroup.procs")}, p.cmd.Args...)
	}
	p.cmd.Stdout, p.cmd.Stderr = &s.out, &s.log
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p
}

// waitReady returns when the server answers questions.
func (s *server) waitReady() {
	s.t.Helper()
	eventually(s.t, soon, "the server is ready", func() bool {
		if s.process.gone() {
			s.t.Fatalf("the server ended: %v", s.process.err)
		}
		resp, err := s.http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends the process at once.
func (s *server) kill() {
	_ = s.process.cmd.Process.Kill()
	<-s.process.exited
}

// stop asks the process to end and checks that it does so well.
func (s *server) stop() {
	s.t.Helper()
	if err := s.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.process.exited:
	case <-time.After(soon):
		s.t.Fatalf("the server did not stop within %s", soon)
	}
	if s.process.err != nil {
		s.t.Fatalf("the server did not stop well: %v", s.process.err)
	}
}

// restart runs a new process on the same folder and waits until it is ready.
func (s *server) restart() {
	s.t.Helper()
	s.run()
	s.waitReady()
}

// pollLines are what waitReady leaves in the log.
var pollLines = regexp.MustCompile(`.*"route":"GET /readyz".*\n`)

var anyKey = regexp.MustCompile(`f[wra]_[0-9A-Za-z]{30,}`)

// end kills what still runs, and checks what holds of every run.
func (s *server) end() {
	if s.process == nil {
		return
	}
	s.kill()
	log := s.log.String()
	if key := anyKey.FindString(log); key != "" {
		s.t.Errorf("a key is in the log: %s…", key[:8])
	}
	for _, word := range []string{"panic", "DATA RACE"} {
		if strings.Contains(log, word) {
			s.t.Errorf("%q in the log", word)
		}
	}
	if s.t.Failed() {
		log = pollLines.ReplaceAllString(anyKey.ReplaceAllString(log, "KEY"), "")
		s.t.Logf("log of the server:\n%s", tail(log, 20_000))
	}
}

// tail is the end of a text.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}
