package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const childEnv = "FRESHET_HANDOVER_TEST_CHILD"

func TestMain(m *testing.M) {
	if v := os.Getenv(childEnv); v != "" {
		addr, dir, _ := strings.Cut(v, "|")
		if err := child(addr, dir); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a server as the program makes it: socket, then data folder (here a lock), then handler.
func child(addr, dir string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	path := filepath.Join(dir, "handover.sock")
	l, before, err := Listen(ctx, addr, path)
	if err != nil {
		return err
	}
	s := New(Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Registry: prometheus.NewRegistry(), Hold: 10 * time.Second})
	if err := errors.Join(s.Start(ctx, l, before), before.Wait(ctx)); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("the data folder is still in use: %w", err)
	}
	s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, os.Getpid())
	}))
	h, err := ServeHandover(path, addr, l, cancel)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	late, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	return errors.Join(s.Drain(late, h), lock.Close(), h.Close())
}

func startChild(t *testing.T, addr, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+addr+"|"+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := io.ReadFull(out, b); err != nil {
		t.Fatal("child did not get ready: ", err, cmd.Wait())
	}
	return cmd
}

// TestHandover replaces a server several times under an open load of new and kept connections: every request must be
// answered 200, and every generation must have answered some.
func TestHandover(t *testing.T) {
	const generations = 5
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()

	current := startChild(t, addr, dir)
	var mu sync.Mutex
	pids, failures, total := map[string]int{}, []string{}, 0
	load, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	kept := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	shoot := func(c *http.Client) {
		defer wg.Done()
		resp, err := c.Post("http://"+addr+"/v1/batch", "application/json", strings.NewReader(`{"batch":[]}`))
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		mu.Lock()
		defer mu.Unlock()
		total++
		if err != nil {
			failures = append(failures, err.Error())
		} else if resp.StatusCode != http.StatusOK {
			failures = append(failures, resp.Status)
		} else {
			pids[string(body)]++
		}
	}
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-load.Done():
				return
			case <-tick.C:
			}
			wg.Add(1)
			if n%3 == 0 {
				go shoot(fresh)
			} else {
				go shoot(kept)
			}
		}
	})
	answered := func() {
		pid := fmt.Sprint(current.Process.Pid)
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
			mu.Lock()
			n := pids[pid]
			mu.Unlock()
			if n >= 100 {
				return
			}
		}
		t.Error("the current server answers nothing")
	}
	for range generations {
		answered()
		next := startChild(t, addr, dir)
		if err := current.Wait(); err != nil {
			t.Error("predecessor: ", err)
		}
		current = next
	}
	answered()
	stop()
	wg.Wait()
	kept.CloseIdleConnections()
	current.Process.Kill()
	current.Wait()
	if len(failures) > 0 {
		t.Errorf("%d of %d requests failed: %v", len(failures), total, failures[:min(5, len(failures))])
	}
	if len(pids) != generations+1 {
		t.Errorf("answered by %v", pids)
	}
	t.Logf("%d requests, %v", total, pids)

	// A server that was killed leaves its socket behind; the next one must not mind.
	last := startChild(t, addr, dir)
	last.Process.Kill()
	last.Wait()
}

func TestHandoverInADeepFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "handover.sock")
	l, p, err := Listen(t.Context(), "127.0.0.1:0", path)
	if err != nil || p != nil {
		t.Fatal(err, p)
	}
	defer l.Close()
	asked := make(chan struct{})
	h, err := ServeHandover(path, "127.0.0.1:0", l, func() { close(asked) })
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	l2, p, err := Listen(t.Context(), "127.0.0.1:0", path)
	if err != nil || p == nil || l2.Addr().String() != l.Addr().String() {
		t.Fatal(err, p)
	}
	defer l2.Close()
	go func() {
		<-asked
		if err := h.stopped(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(p.drain(t.Context()), p.Wait(t.Context())); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the socket is still there")
	}
}

// TestPredecessorIsKilled: a server that is being killed takes connections for a moment, and closes them without a word.
func TestPredecessorIsKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "handover.sock")
	dying, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan int, 1)
	go func() {
		n := 0
		for range 3 {
			if c, err := dying.Accept(); err == nil && c.Close() == nil {
				n++
			}
		}
		_ = dying.Close()
		taken <- n
	}()
	l, before, err := Listen(t.Context(), "127.0.0.1:0", path)
	if err != nil || before != nil {
		t.Fatalf("predecessor %v: %v", before, err)
	}
	defer func() { _ = l.Close() }()
	if n := <-taken; n != 3 {
		t.Errorf("it was asked %d times while it was there", n)
	}
}
