package duckdb

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/storetest"
)

const (
	killDir    = "FRESHET_TEST_KILL_DIR"
	killPeople = 50
	killPerDay = 2000
	killKeep   = 4
	killLinkAt = 2003
	// killUnlinkAfter is how far behind its link an id is unlinked.
	killUnlinkAfter = 1000
	killDeadAt      = 97
	killFlush       = 900
	killProject     = 1
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		if err := victimOf(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	storetest.Checks(20)
	os.Exit(m.Run())
}

// victims are killed while they work. What is in their store follows from the position alone: whose the i-th event is by
// itself, and whose it is for a store up to another position, where every id but one is linked to that, and every second is
// unlinked later.
func killOwn(i uint64) uint64 { return i * 2654435761 % killPeople }

func killPerson(i, before uint64) uint64 {
	p := killOwn(i)
	if p*killLinkAt >= before || p%2 == 0 && p*killLinkAt+killUnlinkAfter < before {
		return personOf(p)
	}
	return personOf(0)
}

// killUnlink is who is unlinked at a position, 0 for nobody; unlinks counts them up to one.
func killUnlink(i uint64) uint64 {
	if p := i / killLinkAt; i%killLinkAt == killUnlinkAfter && p%2 == 0 && p < killPeople {
		return p
	}
	return 0
}

func killUnlinks(before uint64) (n uint64) {
	for p := uint64(2); p < killPeople && p*killLinkAt+killUnlinkAfter < before; p += 2 {
		n++
	}
	return n
}

func killID(n uint64) string { return fmt.Sprint("kill ", n) }

func personOf(n uint64) uint64 { return event.IDNumber(event.SpaceUser, killID(n)) }

// killed is the store of a victim, filled to the position at.
type killed struct {
	s  *Store
	at uint64
}

func openKilled(dir string) (*killed, error) {
	s, err := Open(context.Background(), Options{
		Dir: dir, FlushRows: killFlush, CompactRuns: 2, Threads: 2, Now: func() time.Time { return time.Unix(1e10, 0) },
	})
	if err != nil {
		return nil, err
	}
	return &killed{s, uint64(s.Position())}, nil
}

// commit adds n positions.
func (k *killed) commit(n uint64) error {
	for end := k.at + n; k.at < end; {
		if p := killUnlink(k.at); p > 0 {
			k.s.Unlink(store.Unlink{Project: killProject, Person: personOf(p), From: personOf(0), Rest: personOf(0), Position: eventlog.Position(k.at)})
			k.at++
			if err := k.s.Commit(context.Background(), eventlog.Position(k.at)); err != nil {
				return err
			}
			continue
		}
		to := k.at
		for to < end && killUnlink(to) == 0 {
			to++
		}
		if err := k.add(to - k.at); err != nil {
			return err
		}
	}
	return nil
}

// add commits n positions of events.
func (k *killed) add(n uint64) error {
	c := map[int64]store.Counts{}
	for i := k.at; i < k.at+n; i++ {
		hour := int64(i) / 1000 * 3600
		if i%killDeadAt == 0 {
			k.s.AddDead(store.DeadLetter{Project: killProject, Position: eventlog.Position(i), Code: "c"})
			c[hour] = c[hour].Plus(store.Counts{Accepted: 1, Dead: 1})
			continue
		}
		if link := i / killLinkAt; i%killLinkAt == 0 && link > 0 && link < killPeople {
			k.s.AddLink(store.Link{Project: killProject, From: personOf(link), To: personOf(0), Position: eventlog.Position(i)})
		}
		e := event.Event{Name: "n", ID: fmt.Sprint(i), UserID: killID(killOwn(i)), Properties: []event.Property{
			{Key: fmt.Sprint("key ", i/5000), Type: event.Number, Num: float64(i)},
		}}
		e.Derived.Position, e.Derived.Person, e.Derived.ReceivedAt = i, killPerson(i, i+1), int64(i)/1000*3600e6
		e.Derived.Time = int64(i/killPerDay) * 86400e6
		k.s.Add(killProject, time.UTC, "native", &e)
		c[hour] = c[hour].Plus(store.Counts{Accepted: 1, Stored: 1})
	}
	for hour, c := range c {
		k.s.Count(killProject, hour, c)
	}
	k.at += n
	return k.s.Commit(context.Background(), eventlog.Position(k.at))
}

// victim works until it is killed, and says when it has begun.
func victim(dir string) error {
	k, err := openKilled(dir)
	if err != nil {
		return err
	}
	fmt.Println("open")
	errs := make(chan error, 2)
	go func() {
		for {
			if err := k.commit(1 + rand.Uint64N(400)); err != nil {
				errs <- err
				return
			}
		}
	}()
	go func() {
		for {
			k.s.pending.mu.Lock()
			k.s.pending.rounds = relinkEvery
			k.s.pending.mu.Unlock()
			k.s.upkeep(context.Background())
			if day := int64(k.s.Position())/killPerDay - killKeep; day > 0 {
				if _, err := k.s.Expire(context.Background(), killProject, day); err != nil {
					errs <- err
					return
				}
			}
		}
	}()
	return <-errs
}

// TestKill kills a process again and again while it commits, flushes, compacts, rewrites persons and expires days.
// Each time the store opens, and its rows are exactly those before its position, less whole days at the front.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	kills, last := 25, uint64(0)
	if testing.Short() {
		kills = 5
	}
	for i := range kills {
		killOnce(t, dir, time.Duration(rand.IntN(700))*time.Millisecond)
		k, err := openKilled(dir)
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		if k.at < last {
			t.Fatalf("kill %d: position %d, it was %d", i, k.at, last)
		}
		last = k.at
		if p, err := LastPosition(dir); err != nil || uint64(p) < k.at {
			t.Fatalf("kill %d: position %d was noted, the store is at %d: %v", i, p, k.at, err)
		}
		if err := k.check(); err != nil {
			t.Fatalf("kill %d at %d: %v", i, k.at, err)
		}
		// The log fills it up again; the rows that come back meet what is there.
		if err := k.commit(500); err != nil {
			t.Fatal(err)
		}
		if err := k.check(); err != nil {
			t.Fatalf("kill %d, filled up to %d: %v", i, k.at, err)
		}
		if i%3 == 0 {
			err = k.s.Close()
			last = k.at
		} else {
			k.s.stop()
			k.s.done.Wait()
			err = k.s.shut()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if last == 0 {
		t.Fatal("no victim came to its first flush")
	}
	t.Logf("%d kills, the last at position %d", kills, last)
}

// killOnce lets a victim work for a while after it has opened the store.
func killOnce(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the victim did not open the store")
	}
	var once sync.Once
	kill := time.AfterFunc(after, func() { once.Do(func() { _ = cmd.Process.Kill() }) })
	defer kill.Stop()
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatal("the victim ended by itself: ", err)
	}
}

// check holds the store to its position.
func (k *killed) check() error {
	ctx := context.Background()
	c, err := k.s.Cut(ctx, killProject)
	if err != nil {
		return err
	}
	defer c.Close()
	if at := uint64(c.Watermark().Position); at != k.at {
		return fmt.Errorf("watermark %d", at)
	}
	columns := []string{"seq", "person", "day", "id_text"}
	for _, ps := range c.Schema().Properties {
		columns = append(columns, ps[0].Column)
	}
	seen := make([]bool, k.at)
	first, rows := k.at, 0
	for v, err := range c.Rows(ctx, "SELECT * FROM "+c.Events(columns...)) {
		if err != nil {
			return err
		}
		seq := v[0].(uint64)
		if seq >= k.at || seen[seq] || killUnlink(seq) > 0 || seq%killDeadAt == 0 {
			return fmt.Errorf("position %d is there, and must not", seq)
		}
		seen[seq] = true
		first, rows = min(first, seq), rows+1
		if err := wellFormed(seq, k.at, v); err != nil {
			return err
		}
	}
	day := first / killPerDay * killPerDay
	for i := day; i < k.at; i++ {
		if !seen[i] && i%killDeadAt != 0 && killUnlink(i) == 0 {
			return fmt.Errorf("position %d is missing, the first is %d", i, first)
		}
	}
	return k.balanced(int64(rows))
}

// wellFormed holds a row to its position: v is seq, person, day, id and the properties, of which one is set.
func wellFormed(seq, before uint64, v []any) error {
	want := killPerson(seq, before)
	if v[1] != want || v[2] != int64(seq/killPerDay) || v[3] != strconv.FormatUint(seq, 10) {
		return fmt.Errorf("position %d is %v, want person %d", seq, v, want)
	}
	set := 0
	for _, p := range v[4:] {
		if p != nil {
			set++
			if p != float64(seq) {
				return fmt.Errorf("position %d has the property %v", seq, p)
			}
		}
	}
	if set != 1 {
		return fmt.Errorf("position %d has %d properties", seq, set)
	}
	return nil
}

// balanced holds the ledger to the position and the rows.
func (k *killed) balanced(rows int64) error {
	hours, err := k.s.Ledger(context.Background(), killProject, 0, 1<<60)
	if err != nil {
		return err
	}
	var sum store.Counts
	for _, h := range hours {
		sum = sum.Plus(h.Counts)
	}
	if sum.Accepted != int64(k.at-killUnlinks(k.at)) || sum.Stored-sum.Expired != rows {
		return fmt.Errorf("the ledger says %+v, there are %d rows", sum, rows)
	}
	return nil
}
