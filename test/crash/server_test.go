//go:build crash

package crash_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

const (
	// soon bounds what should take a moment, on a machine that is busy with other things.
	soon      = 60 * time.Second
	pollEvery = 5 * time.Millisecond
)

// small are settings under which everything that happens now and then happens all the time.
func small() []string {
	return []string{
		"--log-segment-bytes", "1MiB", "--log-keep", "0s", "--archive-interval", "1s",
		"--store-flush-rows", "1000", "--store-flush-interval", "1s",
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

// server is a data folder with the processes that ran on it, one after the other. Its methods return errors, because many
// of them run at a time.
type server struct {
	dir  string
	addr string
	// env is what the next process gets beside what this one has.
	env          []string
	args         []string
	http         *http.Client
	write, admin string
	out, log     output
	cmd          *exec.Cmd
	exited       chan struct{}
	err          error
}

func newServer(dir string, env ...string) (*server, error) {
	addr, err := freeAddress()
	return &server{dir: dir, addr: addr, env: env, args: small(), http: &http.Client{Timeout: soon}}, err
}

// freeAddress picks a port below those that the kernel gives to clients: while the server is down, a client that
// connects to its port from the same port would talk to itself.
func freeAddress() (string, error) {
	var last error
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, l.Close()
		}
		last = err
	}
	return "", last
}

var printedKey = regexp.MustCompile(`(?m)^(Write|Admin) key +(f[wa]_[0-9A-Za-z]{38})`)

// start runs a process and waits until it answers questions. The first one on a folder prints the keys.
func (s *server) start() error {
	if err := s.run(); err != nil {
		return err
	}
	if err := s.ready(); err != nil {
		return err
	}
	if s.admin != "" {
		return nil
	}
	// What was printed before the server was ready may be read a moment later.
	return s.until("the keys are printed", soon, func() bool {
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

// run runs a process without waiting for it.
func (s *server) run() error {
	args := append([]string{"serve", "--data", s.dir, "--listen", s.addr, "--admin-listen", "", "--log-level", "info"}, s.args...)
	s.cmd, s.exited = exec.Command(os.Getenv(binaryVariable), args...), make(chan struct{})
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	return nil
}

// until waits for a condition while the process runs.
func (s *server) until(what string, within time.Duration, ok func() bool) error {
	end := time.After(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended: %w", cmp.Or(s.err, errors.New("by itself")))
		case <-end:
			return fmt.Errorf("not within %s: %s", within, what)
		case <-tick.C:
		}
	}
	return nil
}

func (s *server) ready() error {
	return s.until("the server is ready", soon, func() bool {
		resp, err := s.http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the process in good order.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.exited:
		return s.err
	case <-time.After(soon):
		return errors.New("the server does not stop")
	}
}

// call sends one request.
func (s *server) call(method, path, key string, body []byte) (int, []byte, error) {
	req, err := http.NewRequest(method, "http://"+s.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// ask reads an answer into out, which may be a *[]byte. While the store is being opened it asks again.
func (s *server) ask(path string, out any) error {
	var code int
	var body []byte
	var err error
	err = errors.Join(s.until(path+" is answered", soon, func() bool {
		code, body, err = s.call(http.MethodGet, path, s.admin, nil)
		return err != nil || code != http.StatusServiceUnavailable
	}), err)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("%s: %d %s", path, code, body)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = body
		return nil
	}
	return json.Unmarshal(body, out)
}

// change has the admin change something, and reads the answer into out, which may be nil.
func (s *server) change(method, path, body string, out any) error {
	code, answer, err := s.call(method, path, s.admin, []byte(body))
	if err != nil {
		return err
	}
	if code/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, code, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// idle waits until everything that was acknowledged is visible.
func (s *server) idle() error {
	var status struct {
		Watermark struct{ Position uint64 }
		Log       struct{ End uint64 }
	}
	var err error
	return errors.Join(s.until("nothing is on its way", soon, func() bool {
		err = s.ask("/v1/status", &status)
		return err != nil || status.Watermark.Position == status.Log.End
	}), err)
}

// counts are the figures of the ledger.
type counts struct {
	Accepted, Stored, Duplicate, Expired int64
	Dead                                 int64 `json:"dead_lettered"`
}

// ledger reads the ledger of a server that is idle, and wants it to balance.
func (s *server) ledger() (counts, error) {
	var l struct {
		Total      counts
		Difference int64
		Balanced   bool
	}
	if err := s.ask("/v1/ledger?from=-7d", &l); err != nil {
		return l.Total, err
	}
	c := l.Total
	if l.Difference != 0 || !l.Balanced || c.Accepted != c.Stored+c.Duplicate+c.Dead {
		return c, fmt.Errorf("the ledger does not balance: %+v", l)
	}
	return c, nil
}

// verified is what freshet verify prints.
type verified struct {
	Store    *struct{ Days []digest }
	Problems []string
}

// digest is what a project has on a day; equal sums are equal rows.
type digest struct {
	Project, Day, Events int64
	Sum                  string
}

// verify has the binary verify a data folder that no server uses.
func verify(dir string) (verified, error) {
	var v verified
	cmd := exec.Command(os.Getenv(binaryVariable), "verify", "--json", "--data", dir)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err2 := json.Unmarshal([]byte(out.String()), &v); err2 != nil {
		return v, fmt.Errorf("verify: %w %s", errors.Join(err, err2), errs.String())
	}
	if len(v.Problems) > 0 {
		return v, fmt.Errorf("verify: %v", v.Problems)
	}
	return v, err
}

// data is where a server's folder is on a mounted file system.
func data(mounted string) string { return filepath.Join(mounted, "data") }

// pollLines are what ready leaves in the log, and events that are refused: there are so many that nothing else is seen.
var pollLines = regexp.MustCompile(`.*("route":"GET /readyz"|"msg":"request refused"|"status":503).*\n`)

// tell adds the end of the server's log to a failure.
func (s *server) tell(t testing.TB) {
	t.Helper()
	text := pollLines.ReplaceAllString(s.log.String(), "")
	if len(text) > 8000 {
		text = "…" + text[len(text)-8000:]
	}
	t.Logf("log of the server:\n%s", text)
}
