package duckdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// makeFormer gives rows on disk for which a condition holds the layout of format 5, and notes their days as the migration does.
func makeFormer(t fataler, s *Store, where string) {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	ctx := context.Background()
	for project, k := range s.tables {
		if !k.onDisk {
			continue
		}
		for _, q := range []string{
			"ALTER TABLE " + k.cold + " ADD COLUMN IF NOT EXISTS received TIMESTAMP",
			"UPDATE " + k.cold + " SET received = make_timestamp(received_ms * 1000), received_ms = NULL, event_number = NULL WHERE received_ms IS NOT NULL AND " + where,
			fmt.Sprintf("INSERT INTO former_days SELECT DISTINCT %d, day FROM %s WHERE received IS NOT NULL"+
				" EXCEPT SELECT project, day FROM former_days", project, k.cold),
		} {
			if _, err := s.flusher.ExecContext(ctx, q); err != nil {
				t.Fatal(q, err)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.loadFormer(ctx); err != nil {
		t.Fatal(err)
	}
}

// formerRows counts the rows of a project's table that are of the former layout.
func formerRows(t fataler, s *Store, project store.ProjectID) (n int) {
	if err := s.db.QueryRow("SELECT count(*) FROM " + s.known(project).cold + " WHERE received IS NOT NULL OR event_number IS NULL").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// brought does background work until no day is of a former layout.
func brought(t fataler, s *Store) {
	for tries := 0; s.FormerDays() > 0; tries++ {
		if tries > 10_000 {
			t.Fatal("it does not come to an end")
		}
		if err := s.compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFormerFiles: files that binaries of format 2 and 3 have written are brought over, days with many runs and with few, and say what
// they said.
func TestFormerFiles(t *testing.T) {
	for _, name := range []string{"format2", "format3"} {
		dir := t.TempDir()
		unpack(t, name+".duckdb.gz", filepath.Join(dir, "store.duckdb"))
		s := open(t, dir)
		days, ctx := s.FormerDays(), context.Background()
		before, err := s.Digests(ctx)
		if err != nil || days != len(before) || formerRows(t, s, 1) == 0 {
			t.Fatalf("%s: %d days of a former layout, %v, %v", name, days, before, err)
		}
		rows := everything(t, s, 1)
		brought(t, s)
		if n := formerRows(t, s, 1); n > 0 {
			t.Errorf("%s: %d rows are of a former layout", name, n)
		}
		check := func(when string) {
			t.Helper()
			if after, err := s.Digests(ctx); err != nil || !reflect.DeepEqual(after, before) {
				t.Errorf("%s, %s: %v, %v, want %v", name, when, after, err, before)
			}
			if got := everything(t, s, 1); got != rows {
				t.Errorf("%s, %s: %s", name, when, firstDifference(got, rows))
			}
		}
		check("brought over")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		check("opened again")
		if s.FormerDays() != 0 || s.tables[1].former {
			t.Errorf("%s: begun again", name)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFormerMixed: answers are the same before, while and after days are brought over, whatever is written, linked, cut anew, expired,
// compacted, closed or cut off meanwhile. A twin that never had another layout says what they are.
func TestFormerMixed(t *testing.T) {
	zones := []*time.Location{time.UTC, location(t, "Asia/Tokyo"), location(t, "America/New_York")}
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		dirs := [2]string{t.TempDir(), t.TempDir()}
		reopen := func(i int) *Store {
			return openIdle(rt, Options{Dir: dirs[i], FlushRows: 1000, CompactRuns: 3, Threads: 1, Now: afterAll})
		}
		both := [2]*Store{reopen(0), reopen(1)}
		at, loc := uint64(0), time.UTC
		each := func(f func(s *Store) error) {
			for _, s := range both {
				if err := f(s); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for range rapid.IntRange(3, 25).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{
				"add", "add", "flush", "flush", "former", "former", "bring", "bring", "recut", "link", "expire", "kill", "zone",
			}).Draw(rt, "step") {
			case "add":
				n := rapid.Uint64Range(1, 30).Draw(rt, "events")
				seed := rapid.Uint64().Draw(rt, "seed")
				each(func(s *Store) error { return addMixed(s, loc, at, n, seed) })
				at += n
			case "flush":
				each(func(s *Store) error { return s.flush(ctx) })
			case "former":
				makeFormer(rt, both[0], fmt.Sprintf("day %% %d <> 0", rapid.IntRange(1, 3).Draw(rt, "days")))
			case "bring":
				each(func(s *Store) error { return s.compact(ctx) })
			case "recut":
				each(func(s *Store) error { return s.recut(ctx) })
			case "link":
				l := store.Link{Project: 1, From: rapid.Uint64Range(1, 5).Draw(rt, "from"), To: 9, Position: eventlog.Position(at)}
				at++
				each(func(s *Store) error {
					s.AddLink(l)
					if err := s.Commit(ctx, eventlog.Position(at)); err != nil {
						return err
					}
					s.pending.mu.Lock()
					s.pending.rounds = relinkEvery
					s.pending.mu.Unlock()
					return s.relink(ctx)
				})
			case "expire":
				day := rapid.Int64Range(0, 3).Draw(rt, "before")
				each(func(s *Store) error {
					_, err := s.Expire(ctx, 1, day)
					return err
				})
			case "zone":
				loc = rapid.SampledFrom(zones).Draw(rt, "zone")
			case "kill":
				each(func(s *Store) error {
					for s.Position() < s.Watermark().Position {
						if err := s.flush(ctx); err != nil {
							return err
						}
					}
					return nil
				})
				for i, s := range both {
					dirs[i] = crash(t, s, dirs[i])
					both[i] = reopen(i)
				}
			}
			same(rt, both)
		}
		brought(rt, both[0])
		same(rt, both)
		if both[0].known(1) != nil && both[0].known(1).onDisk {
			makeFormer(rt, both[0], "true")
			brought(rt, both[0])
			same(rt, both)
			if n := formerRows(rt, both[0], 1); n > 0 {
				rt.Fatalf("%d rows are of a former layout", n)
			}
		}
		each(func(s *Store) error { return s.shut() })
	})
}

// same holds one store to the other.
func same(t fataler, both [2]*Store) {
	var said [2]string
	var sums [2][]store.Digest
	var hours [2][]store.LedgerHour
	for i, s := range both {
		said[i] = everything(t, s, 1)
		var err error
		if sums[i], err = s.Digests(context.Background()); err != nil {
			t.Fatal(err)
		}
		if hours[i], err = s.Ledger(context.Background(), 1, 0, 1e9); err != nil {
			t.Fatal(err)
		}
	}
	if said[0] != said[1] {
		t.Fatal(firstDifference(said[0], said[1]))
	}
	if !reflect.DeepEqual(sums[0], sums[1]) || !reflect.DeepEqual(hours[0], hours[1]) {
		t.Fatal(fmt.Sprintf("%v and %v; %v and %v", sums[0], sums[1], hours[0], hours[1]))
	}
}

// addMixed commits n events of some days, that come from a seed.
func addMixed(s *Store, loc *time.Location, at, n, seed uint64) error {
	for i := at; i < at+n; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
		e := event.Event{Name: "n", ID: fmt.Sprint(i), UserID: fmt.Sprint("u", seed>>33%5), Properties: []event.Property{
			{Key: fmt.Sprint("k", seed>>40%4), Type: event.Number, Num: float64(seed >> 50)},
		}}
		e.Derived = event.Derived{
			Position: i, Person: 1 + seed>>33%5, Time: int64(seed>>20%5*86400e6 + seed>>13%86400e6), ReceivedAt: int64(5*86400e6 + seed>>17%1e10),
		}
		s.Add(1, loc, "native", &e)
	}
	s.Count(1, 0, store.Counts{Accepted: int64(n), Stored: int64(n)})
	return s.Commit(context.Background(), eventlog.Position(at+n))
}

// TestFormerCut: a question that has begun reads on what it began with while days are brought over behind it.
func TestFormerCut(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	s.stop()
	s.done.Wait()
	fill(t, s, 0, 100)
	flushed(t, s)
	makeFormer(t, s, "true")
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want := dump(t, c, []string{"seq", "received"})
	brought(t, s)
	if got := dump(t, c, []string{"seq", "received"}); got != want || strings.Contains(got, "nil") {
		t.Fatal(firstDifference(got, want))
	}
	if now, err := s.Cut(context.Background(), 1); err != nil {
		t.Fatal(err)
	} else if got := dump(t, now, []string{"seq", "received"}); got != want {
		now.Close()
		t.Fatal(firstDifference(got, want))
	} else {
		now.Close()
	}
}

// TestFormerDiffers: a day that would not say the same keeps its rows as they were, is not tried again, and stands in nobody's way.
func TestFormerDiffers(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	s.stop()
	s.done.Wait()
	fill(t, s, 0, 10)
	flushed(t, s)
	makeFormer(t, s, "true")
	// No binary has ever written microseconds. They would be lost.
	if _, err := s.flusher.ExecContext(ctx, "UPDATE store.events_1 SET received = received + INTERVAL 1 MICROSECOND WHERE seq = 3"); err != nil {
		t.Fatal(err)
	}
	want := everything(t, s, 1)
	if err := s.compact(ctx); err == nil || !strings.Contains(err.Error(), errDiffers.Error()) {
		t.Fatal("brought over with ", err)
	}
	for i := range 4 {
		fill(t, s, 10+10*i, 10)
		flushed(t, s)
	}
	want += strings.TrimPrefix(everything(t, s, 1), want)
	if err := s.compact(ctx); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, s, 1); got != want || s.FormerDays() != 1 || formerRows(t, s, 1) != 10 {
		t.Fatalf("%s; %d days, %d rows", firstDifference(got, want), s.FormerDays(), formerRows(t, s, 1))
	}
	var runs int
	if err := s.db.QueryRow("SELECT count(*) FROM store.runs").Scan(&runs); err != nil || runs != 1 {
		t.Errorf("the day was not compacted: %d runs, %v", runs, err)
	}
}

// TestKillFormer kills a process again and again while it brings days over. Each time the store says what it said, and in the end
// all days are brought over.
func TestKillFormer(t *testing.T) {
	dir := t.TempDir()
	k, err := openKilled(dir)
	if err != nil {
		t.Fatal(err)
	}
	k.s.stop()
	k.s.done.Wait()
	if err := k.commit(12 * killPerDay); err != nil {
		t.Fatal(err)
	}
	settle(t, k.s)
	makeFormer(t, k.s, "true")
	days := k.s.FormerDays()
	want, err := k.s.Digests(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := k.s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(killFormer, "1")
	kills, left, wait := 0, days, 10*time.Millisecond
	for ; left > 0; kills++ {
		killOnce(t, dir, wait)
		s, err := Open(context.Background(), Options{Dir: dir, Now: func() time.Time { return time.Unix(1, 0) }})
		if err != nil {
			t.Fatalf("kill %d: %v", kills, err)
		}
		got, err := s.Digests(context.Background())
		if err != nil || !reflect.DeepEqual(got, want) || s.FormerDays() > left {
			t.Fatalf("kill %d: %d days left, %d before; %v, want %v; %v", kills, s.FormerDays(), left, got, want, err)
		}
		// However fast the machine is, some are killed within a day and some behind it.
		if s.FormerDays() == left {
			wait *= 2
		} else {
			wait = wait * 2 / 3
		}
		left = s.FormerDays()
		if left == 0 && formerRows(t, s, killProject) > 0 {
			t.Fatalf("%d rows are of a former layout", formerRows(t, s, killProject))
		}
		s.stop()
		s.done.Wait()
		if err := s.shut(); err != nil {
			t.Fatal(err)
		}
	}
	if kills < 2 {
		t.Errorf("%d days were brought over before the first kill", days)
	}
	t.Logf("%d kills while %d days were brought over", kills, days)
}

// formerVictim brings days over until it is killed, and then waits for it.
func formerVictim(dir string) error {
	k, err := openKilled(dir)
	if err != nil {
		return err
	}
	k.s.stop()
	k.s.done.Wait()
	fmt.Println("open")
	for {
		if err := k.s.compact(context.Background()); err != nil {
			return err
		}
	}
}

// killFormer in the environment makes a victim one that brings days over.
const killFormer = "FRESHET_TEST_KILL_FORMER"

func victimOf(dir string) error {
	if os.Getenv(killFormer) != "" {
		return formerVictim(dir)
	}
	return victim(dir)
}
