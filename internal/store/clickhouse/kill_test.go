//go:build cluster

package clickhouse

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/test/clickhousetest"
)

// childOf is set for the process that writes until it is killed; it is the URL of its store.
const childOf = "FRESHET_TEST_WRITE_TO"

// TestMain writes for TestKilled when it is the child of one.
func TestMain(m *testing.M) {
	if url := os.Getenv(childOf); url != "" {
		if err := writeOn(url, 1<<40, func(p eventlog.Position) { fmt.Println(p) }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeOn opens a store and goes on with the log where the store is, in commits of some events, up to a position. The log is
// made up: every event says where it is.
func writeOn(url string, end eventlog.Position, told func(eventlog.Position)) error {
	target, err := ParseURL(url)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := Open(ctx, Options{Target: target, SealRows: 50})
	if err != nil {
		return err
	}
	// Rows are sealed all the time.
	ended := make(chan struct{})
	var upkeep sync.WaitGroup
	upkeep.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				_ = s.upkeep(ctx)
			}
		}
	})
	defer func() {
		close(ended)
		upkeep.Wait()
		_ = s.Close()
	}()
	for at := s.Position(); at < end; {
		for range min(37, end-at) {
			e := event.Event{Name: fmt.Sprint("event", at%3), ID: fmt.Sprint(at)}
			d := &e.Derived
			d.Position, d.Person, d.Time, d.ReceivedAt = uint64(at), uint64(at%11), int64(at)*1e9, int64(at)*1e9
			s.Count(1, int64(at)/100*3600, store.Counts{Accepted: 1, Stored: 1})
			switch at % 50 {
			case 0:
				d.Person = 1000 + uint64(at)
			case 20:
				s.AddLink(store.Link{Project: 1, From: 980 + uint64(at), To: uint64((at - 20) % 11), Position: at})
			}
			s.Add(1, time.UTC, "native", &e)
			at++
		}
		if err := s.Commit(ctx, at); err != nil {
			return err
		}
		told(at)
	}
	return nil
}

// whole holds that the store has every event of the log before its position once, and every link and count.
func whole(t *testing.T, url string, least eventlog.Position) {
	t.Helper()
	ctx := context.Background()
	s := openURL(t, url)
	at := s.Position()
	if at < least {
		t.Fatalf("position %d was told, the store is at %d", least, at)
	}
	c, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	whose := fmt.Sprintf("if(seq %% 50 = 0 AND seq + 20 >= %d, 1000 + seq, seq %% 11)", at)
	for row, err := range c.Rows(ctx, "SELECT count(*), count(DISTINCT seq), max(seq), countIf(person <> "+whose+") FROM "+c.Events("seq", "person")) {
		if err != nil {
			t.Fatal(err)
		}
		if row[3] != uint64(0) {
			t.Fatalf("at %d %v events are of somebody else", at, row[3])
		}
		if n := uint64(at); row[0] != n || row[1] != n || n > 0 && row[2] != n-1 {
			t.Fatalf("at %d there are %v events, %v different ones, up to %v", at, row[0], row[1], row[2])
		}
	}
	links, err := s.Links(ctx)
	if want := int(at+29) / 50; err != nil || len(links) != want {
		t.Fatalf("at %d there are %d links, want %d: %v", at, len(links), want, err)
	}
	hours, err := s.Ledger(ctx, 1, 0, 1<<60)
	if err != nil {
		t.Fatal(err)
	}
	var stored int64
	for _, h := range hours {
		stored += h.Stored
	}
	if stored != int64(at) {
		t.Fatalf("at %d the ledger has %d events", at, stored)
	}
}

// TestKilled kills the process that writes at moments of all sorts, ten times, and holds after each that nothing is
// missing, nothing twice.
func TestKilled(t *testing.T) {
	url := clickhousetest.Database(t, t.TempDir())
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		cmd := exec.Command(exe)
		cmd.Env, cmd.Stderr = append(os.Environ(), childOf+"="+url), os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var told eventlog.Position
		lines := bufio.NewScanner(out)
		for n := 0; n < 3+2*round && lines.Scan(); n++ {
			if _, err := fmt.Sscan(lines.Text(), &told); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		whole(t, url, told)
	}
	s := openURL(t, url)
	if n, err := s.number(t.Context(), "SELECT count() FROM sealed WHERE position > 0"); err != nil || n < 10 {
		t.Errorf("rows were sealed %d times: %v", n, err)
	}
}

func openURL(t *testing.T, url string) *Store {
	t.Helper()
	target, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestServerKilled kills the server five times within commits; the store is opened anew each time, as the app does.
func TestServerKilled(t *testing.T) {
	server := clickhousetest.Start(t)
	url := server.URL() + "/killed"
	var told eventlog.Position
	for round := range 5 {
		killed, began := make(chan struct{}), told
		kill := sync.OnceFunc(func() {
			go func() {
				server.Kill()
				close(killed)
			}()
		})
		err := writeOn(url, told+1<<20, func(p eventlog.Position) {
			if told = p; p > began+eventlog.Position(100+round*60) {
				kill()
			}
		})
		if err == nil {
			t.Fatal("a commit succeeds on a server that was killed")
		}
		<-killed
		server.Run()
		whole(t, url, told)
	}
	if err := writeOn(url, told+500, func(p eventlog.Position) { told = p }); err != nil {
		t.Fatal(err)
	}
	whole(t, url, told)
}
