//go:build cluster

// Package postgrestest starts real PostgreSQL servers for tests, on loopback and in folders of their own.
package postgrestest

import (
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// soon bounds what a server needs to start or to end.
const soon = 30 * time.Second

// Server is a server of its own, with the superuser freshet.
type Server struct {
	// Addr is where it listens, also after it was started anew.
	Addr string

	t    testing.TB
	bin  string
	dir  string
	as   *syscall.Credential
	log  lockedBuffer
	cmd  *exec.Cmd
	dead chan struct{}
	mu   sync.Mutex
	next int
}

// password is asked for, so that one in an address can leak.
const password = "pg-s3cret"

// Start makes a database cluster and starts a server on it. POSTGRES_BIN names the folder of its programs; otherwise
// they are looked for where systems have them. Names are ordered as people do, not by bytes.
func Start(t testing.TB) *Server {
	t.Helper()
	p := &Server{t: t, bin: programs(t)}
	var err error
	if p.dir, err = os.MkdirTemp("", "freshet-postgres-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(p.dir) })
	p.as = p.somebody()
	secret := filepath.Join(p.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o644); err != nil {
		t.Fatal(err)
	}
	init := p.command("initdb", "-D", p.data(), "-U", "freshet", "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8",
		"--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Addr = l.Addr().String()
	_ = l.Close()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.Stop()
		}
		if t.Failed() {
			t.Logf("PostgreSQL:\n%s", p.log.tail(4000))
		}
	})
	p.Start()
	return p
}

func (p *Server) data() string { return filepath.Join(p.dir, "data") }

// programs is the folder of PostgreSQL's programs.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("POSTGRES_BIN"); dir != "" {
		return dir
	}
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(places)
	if path, err := exec.LookPath("initdb"); err == nil {
		places = append(places, path)
	}
	if len(places) == 0 {
		t.Fatal("there is no PostgreSQL on this machine; POSTGRES_BIN names the folder of its programs")
	}
	return filepath.Dir(places[len(places)-1])
}

// somebody is who runs the server, which refuses to be run by root.
func (p *Server) somebody() *syscall.Credential {
	p.t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(p.dir, uid, gid); err != nil {
			p.t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	p.t.Fatal("there is nobody to run PostgreSQL but root")
	return nil
}

func (p *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

// Start starts the server and waits until it answers.
func (p *Server) Start() {
	p.t.Helper()
	_, port, _ := net.SplitHostPort(p.Addr)
	cmd := p.command("postgres", "-D", p.data(), "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	dead := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(dead)
	}()
	p.cmd, p.dead = cmd, dead
	db := p.open("postgres")
	end := time.After(soon)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for db.PingContext(p.t.Context()) != nil {
		select {
		case <-tick.C:
		case <-dead:
			p.t.Fatalf("PostgreSQL ended:\n%s", p.log.tail(4000))
		case <-end:
			p.t.Fatalf("PostgreSQL does not answer:\n%s", p.log.tail(4000))
		}
	}
}

// Stop ends the server as a crash would, with all its connections.
func (p *Server) Stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.dead:
	case <-time.After(soon):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("PostgreSQL did not end within %s", soon)
	}
	p.cmd = nil
}

// Kill kills the server, which its other processes find out a moment later.
func (p *Server) Kill() {
	p.t.Helper()
	family := p.family()
	_ = p.cmd.Process.Kill()
	<-p.dead
	p.cmd = nil
	end := time.After(soon)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(family, func(pid int) bool { return syscall.Kill(pid, 0) == nil }) {
		select {
		case <-tick.C:
		case <-end:
			p.t.Fatalf("processes of a PostgreSQL that was killed live on")
		}
	}
}

// Pause keeps all of the server's processes from doing anything, with their connections open, until Resume. Connections are taken by the
// kernel meanwhile.
func (p *Server) Pause() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGSTOP) // it makes no more of them
	p.signal(syscall.SIGSTOP)
}

// Resume ends a pause.
func (p *Server) Resume() {
	p.t.Helper()
	p.signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
}

func (p *Server) signal(sig syscall.Signal) {
	for _, pid := range p.family() {
		_ = syscall.Kill(pid, sig) // one that has ended meanwhile
	}
}

// family are the processes that the server has begun.
func (p *Server) family() (pids []int) {
	p.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(all) == 0 {
		p.t.Fatalf("look for PostgreSQL's processes in /proc: %v", err)
	}
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(b), ") ") // behind the name: the state and the parent
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(p.cmd.Process.Pid) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Create makes an empty database and returns its name.
func (p *Server) Create() string {
	p.t.Helper()
	p.mu.Lock()
	p.next++
	name := fmt.Sprintf("freshet_%d", p.next)
	p.mu.Unlock()
	if _, err := p.open("postgres").Exec("create database " + name); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// URL is the address of a database.
func (p *Server) URL(database string) string { return Address(p.Addr, database) }

// Address is that of a database at a server, or at what stands before it.
func Address(addr, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("freshet", password), Host: addr, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// DB looks at a database from beside.
func (p *Server) DB(database string) *sql.DB { return p.open(database) }

func (p *Server) open(database string) *sql.DB {
	p.t.Helper()
	db, err := sql.Open("pgx", p.URL(database))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = db.Close() })
	return db
}

// lockedBuffer gathers what a process writes.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.buf.Bytes()
	return string(s[max(0, len(s)-n):])
}
