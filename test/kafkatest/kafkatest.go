// Package kafkatest has an Apache Kafka broker for tests.
//
// KAFKA_LIBS is a folder with Kafka's jars and what they need, as test/kafkatest/fetch makes one; they run on the Java that
// is in the PATH, 17 or later. Without it tests are skipped.
package kafkatest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Server is a broker of a test's own. It has a folder, which it finds again when it is started anew.
type Server struct {
	t    testing.TB
	dir  string
	port int
	// id and controller are the broker's number, and the port by which brokers agree.
	id, controller int
	cmd            *exec.Cmd
}

// Listener is another address of a broker. A client that comes there is told to go on at Advertised, which is that of what stands
// between the two.
type Listener struct {
	Address, Advertised string

	// name is how the settings call it, protocol one of Kafka's.
	name, protocol string
}

// Start starts a broker that ends with the test.
func Start(t testing.TB, more ...Listener) *Server {
	t.Helper()
	s := prepare(t, 1)
	for i := range more {
		more[i].name, more[i].protocol = fmt.Sprint("MORE", i), "PLAINTEXT"
	}
	s.configure(settings{listeners: more})
	s.format()
	s.Run()
	return s
}

// StartSeveral starts brokers of one cluster. Topics that Kafka makes for itself are on each of them.
func StartSeveral(t testing.TB, n int) (all []*Server) {
	t.Helper()
	var voters []string
	for i := range n {
		s := prepare(t, i+1)
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", s.id, s.controller))
		all = append(all, s)
	}
	for _, s := range all {
		s.configure(settings{voters: strings.Join(voters, ","), copies: n})
		s.format()
		s.begin() // One alone does not answer.
	}
	for _, s := range all {
		s.wait()
	}
	return all
}

// prepare makes the folder of a broker.
func prepare(t testing.TB, id int) *Server {
	t.Helper()
	if os.Getenv("KAFKA_LIBS") == "" {
		t.Skip("KAFKA_LIBS is not set: it is a folder with Kafka's jars, see test/kafkatest/fetch")
	}
	return &Server{t: t, dir: t.TempDir(), port: freePort(t), id: id, controller: freePort(t)}
}

// format makes the broker's folder one of Kafka's.
func (s *Server) format(more ...string) {
	s.t.Helper()
	args := append([]string{"format", "--cluster-id", "ZnJlc2hldC1pbi1hLXRlcw", "--config", s.config()}, more...)
	if out, err := s.java("kafka.tools.StorageTool", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("format Kafka's folder: %v: %s", err, out)
	}
	s.t.Cleanup(s.Kill)
}

func (s *Server) config() string { return filepath.Join(s.dir, "server.properties") }

// settings are what a broker may have beside what all have.
type settings struct {
	// voters are all brokers of the cluster, and copies how many there are; one when they are empty.
	voters    string
	copies    int
	listeners []Listener
	// more is lines.
	more string
}

// configure writes the settings of a broker that is a controller too and takes little memory.
func (s *Server) configure(with settings) {
	s.t.Helper()
	if with.voters == "" {
		with.voters, with.copies = fmt.Sprintf("%d@127.0.0.1:%d", s.id, s.controller), 1
	}
	var listeners, advertised, protocols strings.Builder
	for _, l := range with.listeners {
		_, _ = fmt.Fprintf(&listeners, ",%s://%s", l.name, l.Address)
		_, _ = fmt.Fprintf(&advertised, ",%s://%s", l.name, l.Advertised)
		_, _ = fmt.Fprintf(&protocols, ",%s:%s", l.name, l.protocol)
	}
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=%[1]d
controller.quorum.voters=%[4]s
listeners=PLAINTEXT://127.0.0.1:%[2]d,CONTROLLER://127.0.0.1:%[3]d%[6]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[2]d%[7]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT%[8]s
log.dirs=%[9]s
auto.create.topics.enable=false
offsets.topic.replication.factor=%[5]d
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=2
background.threads=2
%[10]s`, s.id, s.port, s.controller, with.voters, with.copies, &listeners, &advertised, &protocols, filepath.Join(s.dir, "topics"), with.more)
	if err := os.WriteFile(s.config(), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) java(class string, args ...string) *exec.Cmd {
	args = append([]string{
		"-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-cp", filepath.Join(os.Getenv("KAFKA_LIBS"), "*"), class,
	}, args...)
	return exec.Command("java", args...)
}

// URL is that of a topic.
func (s *Server) URL(topic string) string { return SeveralURL(topic, s) }

// SeveralURL is that of a topic, with all the brokers in it.
func SeveralURL(topic string, all ...*Server) string {
	var brokers []string
	for _, s := range all {
		brokers = append(brokers, s.Address())
	}
	return "kafka://" + strings.Join(brokers, ",") + "/" + topic
}

// Address is the broker's.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Run starts the broker and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	s.begin()
	s.wait()
}

func (s *Server) begin() {
	s.t.Helper()
	s.cmd = s.java("kafka.Kafka", s.config())
	out, err := os.OpenFile(filepath.Join(s.dir, "out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) wait() {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Address()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	wait := time.NewTicker(100 * time.Millisecond)
	defer wait.Stop()
	for {
		if brokers, err := kadm.NewClient(client).ListBrokers(ctx); err == nil && len(brokers) > 0 {
			return
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(filepath.Join(s.dir, "out"))
			s.t.Fatalf("Kafka does not answer: %s", strings.TrimSpace(string(said)))
		case <-wait.C:
		}
	}
}

// Kill ends the broker at once, whatever it does.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Pause keeps the broker from doing anything, with its connections open, until Resume.
func (s *Server) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); !s.stopped(); {
		select {
		case <-end:
			s.t.Fatal("Kafka cannot be paused")
		case <-tick.C:
		}
	}
}

// stopped tells whether all threads have stopped, which takes a moment, as far as the system tells.
func (s *Server) stopped() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.cmd.Process.Pid))
	if err != nil {
		return true
	}
	for _, t := range threads {
		stat, err := os.ReadFile(t)
		state := string(stat)
		if state = state[strings.LastIndexByte(state, ')')+1:]; err == nil && !strings.HasPrefix(state, " T") {
			return false // one whose name has brackets in it, too
		}
	}
	return true
}

// Resume ends a pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
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
