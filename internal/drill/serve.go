package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/freshet/freshet/internal/config"
)

const (
	// startWithin bounds a start, wholeWithin the making of a store.
	startWithin = time.Minute
	wholeWithin = time.Hour
	pollEvery   = 20 * time.Millisecond
)

// server is a process on the copy.
type server struct {
	cmd    *exec.Cmd
	addr   string
	exited chan struct{}
	err    error
}

// serve starts a server that answers on loopback only, and returns when it accepts events. It has the configuration that is given
// and nothing of this process's environment, which may name the original's archive and database.
func (d *drill) serve(ctx context.Context, c config.Config) (*server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	c.Listen = addr
	settings, err := c.YAML()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(d.Work, "drill.yaml")
	if err := os.WriteFile(file, settings, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(d.Binary, "serve", "--config", file) //nolint:gosec,noctx // ourselves; it is killed here
	cmd.Env = []string{"TMPDIR=" + os.TempDir()}
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	s := &server{cmd: cmd, addr: addr, exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = cmd.Wait()
		close(s.exited)
	}()
	if err := s.poll(ctx, startWithin, "the server did not start", s.ready); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

func (s *server) url() string { return "http://" + s.addr }

func (s *server) get(path string) (int, error) {
	resp, err := http.Get(s.url() + path) //nolint:noctx // loopback, and bounded by poll
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func (s *server) ready() bool {
	code, err := s.get("/readyz")
	return err == nil && code == http.StatusOK
}

// whole waits until the store is open, has everything, and is not being made anew.
func (s *server) whole(ctx context.Context, data string) error {
	return s.poll(ctx, wholeWithin, "the store was not made", func() bool {
		if !s.idle() {
			return false
		}
		_, err := os.Stat(filepath.Join(data, "rebuild.json"))
		return errors.Is(err, os.ErrNotExist)
	})
}

// idle tells that nothing of the log waits for the store. The metric is not there while the store is closed.
func (s *server) idle() bool {
	resp, err := http.Get(s.url() + "/metrics") //nolint:noctx // loopback, and bounded by poll
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return err == nil && strings.Contains(string(b), "\nfreshet_process_lag_events 0\n")
}

func (s *server) poll(ctx context.Context, within time.Duration, what string, ok func() bool) error {
	end := time.After(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended by itself: %w", s.err)
		case <-end:
			return fmt.Errorf("%s within %s", what, within)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the server in good order.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-s.exited
	if s.err != nil {
		return fmt.Errorf("the server did not stop well: %w", s.err)
	}
	return nil
}
