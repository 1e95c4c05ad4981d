// Package redistest starts real Redis servers for tests, on loopback and in folders of their own.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/test/certificate"
)

// soon bounds what a server needs to start.
const soon = 30 * time.Second

// Password is asked for, so that one in an address can leak.
const Password = "rd-s3cret"

// Server is a server of a test's own.
type Server struct {
	// Addr is where it listens, also after it was started anew.
	Addr string

	t   testing.TB
	bin string
	dir string
	cmd *exec.Cmd
	// tls is how it listens, if with TLS.
	tls *certificate.Files
}

// Start starts a server that ends with the test. REDIS_BIN names the program; otherwise it is looked for in PATH, and a test is
// skipped when it is not there.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, nil)
}

// StartTLS is Start for a server that takes TLS only, with a certificate.
func StartTLS(t testing.TB, with certificate.Files) *Server {
	t.Helper()
	return start(t, &with)
}

func start(t testing.TB, tls *certificate.Files) *Server {
	t.Helper()
	bin := os.Getenv("REDIS_BIN")
	if bin == "" {
		var err error
		if bin, err = exec.LookPath("redis-server"); err != nil {
			t.Skip("there is no redis-server in PATH, and REDIS_BIN is not set")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, Addr: l.Addr().String(), bin: bin, dir: t.TempDir(), tls: tls}
	_ = l.Close()
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// URL is that of the server.
func (s *Server) URL() string {
	scheme := "redis"
	if s.tls != nil {
		scheme = "rediss"
	}
	return scheme + "://:" + Password + "@" + s.Addr + "/0"
}

// Run starts the server, with nothing in it, and waits until it listens.
func (s *Server) Run() {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	args := []string{
		"--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--requirepass", Password, "--maxmemory", strconv.Itoa(64 << 20), "--maxmemory-policy", "allkeys-lru", "--loglevel", "warning",
	}
	if s.tls != nil {
		args = append(args, "--port", "0", "--tls-port", port, "--tls-cert-file", s.tls.Certificate, "--tls-key-file", s.tls.Key, "--tls-auth-clients", "no")
	}
	s.cmd = exec.Command(s.bin, args...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	end := time.After(soon)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", s.Addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-end:
			s.t.Fatalf("Redis does not listen: %v", err)
		case <-tick.C:
		}
	}
}

// Kill kills the server. One that does not run stays so.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Freeze stops the server's work: connections stay open, nothing is answered.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets it go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}
