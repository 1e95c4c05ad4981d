// Package clickhousetest has a ClickHouse server for tests.
//
// CLICKHOUSE_URL names one that runs, as clickhouse://user:password@host:9000; every test makes a database of its own in
// it. Otherwise CLICKHOUSE_BIN is a command that runs one in the foreground, on loopback, when --path, --tcp-port and
// --http-port are appended with their values. With neither, tests are skipped.
package clickhousetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
)

// Server is a server of a test's own. It has a folder, which it finds again when it is started anew.
type Server struct {
	t            testing.TB
	dir          string
	native, http int
	cmd          *exec.Cmd
	exited       chan struct{}
	command      []string
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	command := strings.Fields(os.Getenv("CLICKHOUSE_BIN"))
	if len(command) == 0 {
		t.Skip("CLICKHOUSE_BIN is not set: it is a command that runs a ClickHouse server")
	}
	s := &Server{t: t, dir: t.TempDir(), native: freePort(t), http: freePort(t), command: command}
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// URL is that of the server.
func (s *Server) URL() string { return "clickhouse://default@" + s.Address() }

// Run starts the server and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	arguments := slices.Concat(s.command[1:], []string{"--path=" + s.dir, "--tcp-port=" + strconv.Itoa(s.native), "--http-port=" + strconv.Itoa(s.http)})
	s.cmd = exec.Command(s.command[0], arguments...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited = exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	wait := time.NewTicker(50 * time.Millisecond)
	defer wait.Stop()
	for {
		conn, err := ch.Dial(ctx, options(s.URL()))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("the ClickHouse server does not answer: %v", err)
		case <-wait.C:
		}
	}
}

// Kill ends the server at once, whatever it does.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.exited
		s.cmd = nil
	}
}

// Gone tells that a server that was not killed has ended.
func (s *Server) Gone() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// Pause keeps the server from doing anything, with its connections open, until Resume.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Address is where it listens.
func (s *Server) Address() string { return "127.0.0.1:" + strconv.Itoa(s.native) }

// Database is the URL of a database that stands for a folder of a test, on the server of CLICKHOUSE_URL. The database is
// dropped when the test ends.
func Database(t testing.TB, dir string) string {
	t.Helper()
	server := strings.TrimSuffix(os.Getenv("CLICKHOUSE_URL"), "/")
	if server == "" {
		t.Skip("CLICKHOUSE_URL is not set: it names a ClickHouse server")
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(dir))
	name := fmt.Sprintf("freshet_test_%x", h.Sum64())
	t.Cleanup(func() { drop(t, server, name) })
	return server + "/" + name
}

// Drop has a database of a URL dropped at the end of the test.
func Drop(t testing.TB, address string) {
	t.Helper()
	i := strings.LastIndexByte(address, '/')
	t.Cleanup(func() { drop(t, address[:i], address[i+1:]) })
}

func drop(t testing.TB, server, database string) {
	t.Helper()
	ctx := context.Background()
	conn, err := ch.Dial(ctx, options(server))
	if err != nil {
		t.Log("the database of a test is left: ", err)
		return
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Do(ctx, ch.Query{Body: "DROP DATABASE IF EXISTS " + database + " SYNC"}); err != nil {
		t.Log("the database of a test is left: ", err)
	}
}

func options(server string) ch.Options {
	u, err := url.Parse(server)
	if err != nil {
		return ch.Options{}
	}
	o := ch.Options{Address: u.Host, User: u.User.Username()}
	o.Password, _ = u.User.Password()
	return o
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
