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
	// more are listeners besides the one at port.
	more []Listener
	cmd  *exec.Cmd
}

// Listener is another address of a broker. A client that comes there is told to go on at Advertised, which is that of what stands
// between the two.
type Listener struct{ Address, Advertised string }

// Start starts a broker that ends with the test.
func Start(t testing.TB, more ...Listener) *Server {
	t.Helper()
	if os.Getenv("KAFKA_LIBS") == "" {
		t.Skip("KAFKA_LIBS is not set: it is a folder with Kafka's jars, see test/kafkatest/fetch")
	}
	s := &Server{t: t, dir: t.TempDir(), port: freePort(t), more: more}
	s.configure(freePort(t))
	out, err := s.java("kafka.tools.StorageTool", "format", "--cluster-id", "ZnJlc2hldC1pbi1hLXRlcw", "--config", s.config()).CombinedOutput()
	if err != nil {
		t.Fatalf("format Kafka's folder: %v: %s", err, out)
	}
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

func (s *Server) config() string { return filepath.Join(s.dir, "server.properties") }

// configure writes the settings of a broker that is its own controller and takes little memory.
func (s *Server) configure(controller int) {
	s.t.Helper()
	var listeners, advertised, protocols strings.Builder
	for i, l := range s.more {
		_, _ = fmt.Fprintf(&listeners, ",MORE%d://%s", i, l.Address)
		_, _ = fmt.Fprintf(&advertised, ",MORE%d://%s", i, l.Advertised)
		_, _ = fmt.Fprintf(&protocols, ",MORE%d:PLAINTEXT", i)
	}
	settings := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d%[4]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d%[5]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT%[6]s
log.dirs=%[3]s
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=2
background.threads=2
`, s.port, controller, filepath.Join(s.dir, "topics"), &listeners, &advertised, &protocols)
	if err := os.WriteFile(s.config(), []byte(settings), 0o600); err != nil {
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
func (s *Server) URL(topic string) string { return fmt.Sprintf("kafka://%s/%s", s.Address(), topic) }

// Address is the broker's.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Run starts the broker and waits until it answers.
func (s *Server) Run() {
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
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

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
