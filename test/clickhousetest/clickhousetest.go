// Package clickhousetest has a ClickHouse server for tests.
//
// CLICKHOUSE_URL names one that runs, as clickhouse://user:password@host:9000; every test makes a database of its own in
// it, whose events are spread over the shards of CLICKHOUSE_CLUSTER when that names a cluster. CLICKHOUSE_BIN is a command that runs one in
// the foreground, on loopback, when --path, --tcp-port and --http-port are appended with their values, and for shards --config with a file.
// Tests that need what is not set are skipped.
package clickhousetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Server is a server of a test's own. It has a folder, which it finds again when it is started anew.
type Server struct {
	t            testing.TB
	dir          string
	native, http int
	cmd          *exec.Cmd
	exited       chan struct{}
	command      []string
	// config is a file, for one of several.
	config string
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := prepare(t)
	s.Run()
	return s
}

func prepare(t testing.TB) *Server {
	t.Helper()
	command := strings.Fields(os.Getenv("CLICKHOUSE_BIN"))
	if len(command) == 0 {
		t.Skip("CLICKHOUSE_BIN is not set: it is a command that runs a ClickHouse server")
	}
	s := &Server{t: t, dir: t.TempDir(), native: freePort(t), http: freePort(t), command: command}
	t.Cleanup(s.Kill)
	return s
}

// The clusters that the servers of StartCluster know.
const (
	// Both has all servers as its shards, and so has Renamed.
	Both    = "both"
	Renamed = "renamed"
	// Swapped has them in the other order.
	Swapped = "swapped"
	// First has the first one only.
	First = "first"
)

// StartCluster starts servers that are the shards of a cluster.
func StartCluster(t testing.TB, n int) []*Server {
	t.Helper()
	servers := make([]*Server, n)
	for i := range servers {
		servers[i] = prepare(t)
	}
	swapped := slices.Clone(servers)
	slices.Reverse(swapped)
	var b strings.Builder
	b.WriteString("<clickhouse><remote_servers>")
	for name, shards := range map[string][]*Server{Both: servers, Renamed: servers, Swapped: swapped, First: servers[:1]} {
		b.WriteString("<" + name + ">")
		for _, s := range shards {
			fmt.Fprintf(&b, "<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>", s.native)
		}
		b.WriteString("</" + name + ">")
	}
	b.WriteString("</remote_servers></clickhouse>\n")
	config := filepath.Join(t.TempDir(), "cluster.xml")
	if err := os.WriteFile(config, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		s.config = config
		s.Run()
	}
	return servers
}

// URL is that of the server.
func (s *Server) URL() string { return "clickhouse://default@" + s.Address() }

// Run starts the server and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	arguments := slices.Concat(s.command[1:], []string{"--path=" + s.dir, "--tcp-port=" + strconv.Itoa(s.native), "--http-port=" + strconv.Itoa(s.http)})
	if s.config != "" {
		arguments = append(arguments, "--config="+s.config)
	}
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

// Database is the URL of a database that stands for a folder of a test, on the server of CLICKHOUSE_URL, with the cluster of
// CLICKHOUSE_CLUSTER. The database is dropped when the test ends.
func Database(t testing.TB, dir string) string {
	t.Helper()
	server := strings.TrimSuffix(os.Getenv("CLICKHOUSE_URL"), "/")
	if server == "" {
		t.Skip("CLICKHOUSE_URL is not set: it names a ClickHouse server")
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(dir))
	name := fmt.Sprintf("freshet_test_%x", h.Sum64())
	cluster := os.Getenv("CLICKHOUSE_CLUSTER")
	out := server + "/" + name
	if cluster != "" {
		out += "?cluster=" + cluster
	}
	Drop(t, out)
	return out
}

// Drop has a database of a URL dropped at the end of the test.
func Drop(t testing.TB, address string) {
	t.Helper()
	at, cluster, _ := strings.Cut(address, "?cluster=")
	i := strings.LastIndexByte(at, '/')
	t.Cleanup(func() {
		if err := drop(at[:i], at[i+1:], cluster); err != nil {
			t.Log("the database of a test is left: ", err)
		}
	})
}

// drop drops a database on a server and on all shards of a cluster.
func drop(server, database, cluster string) error {
	ctx := context.Background()
	conn, err := ch.Dial(ctx, options(server))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var hosts proto.ColStr
	var ports proto.ColUInt16
	shards := ch.Query{
		Body:   "SELECT host_name, port FROM system.clusters WHERE cluster = '" + cluster + "' AND NOT is_local",
		Result: proto.Results{{Name: "host_name", Data: &hosts}, {Name: "port", Data: &ports}},
	}
	var addresses []string
	shards.OnResult = func(context.Context, proto.Block) error {
		for i, port := range ports {
			addresses = append(addresses, net.JoinHostPort(hosts.Row(i), strconv.Itoa(int(port))))
		}
		return nil
	}
	if err := conn.Do(ctx, shards); err != nil {
		return err
	}
	q := ch.Query{Body: "DROP DATABASE IF EXISTS " + database + " SYNC"}
	for _, address := range addresses {
		o := options(server)
		o.Address = address
		shard, err := ch.Dial(ctx, o)
		if err != nil {
			return err
		}
		err = shard.Do(ctx, q)
		_ = shard.Close()
		if err != nil {
			return err
		}
	}
	return conn.Do(ctx, q)
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
