//go:build cluster

package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/test/clickhousetest"
)

// onShards is the target of a database whose rows are on two servers, which are the test's own.
func onShards(t *testing.T) (Target, []*clickhousetest.Server) {
	t.Helper()
	servers := clickhousetest.StartCluster(t, 2)
	target, err := ParseURL(servers[0].URL() + "/spread?cluster=" + clickhousetest.Both)
	if err != nil {
		t.Fatal(err)
	}
	return target, servers
}

// TestShards holds that the rows of a database are on all shards, and that one that is spread otherwise than it is said is not opened.
func TestShards(t *testing.T) {
	ctx := context.Background()
	target, servers := onShards(t)
	opened := func(of Target) *Store {
		t.Helper()
		s, err := Open(ctx, Options{Target: of})
		if err != nil {
			t.Fatal(err)
		}
		s.stop()
		s.done.Wait()
		return s
	}
	refused := func(what string, of Target, words string) {
		t.Helper()
		for how, open := range map[string]func() error{
			"open":   func() error { _, err := Open(ctx, Options{Target: of}); return err },
			"look":   func() error { _, err := Look(ctx, Options{Target: of}); return err },
			"follow": func() error { _, err := Follow(ctx, Options{Target: of}); return err },
		} {
			if strings.HasPrefix(what, "only ") && how != "open" {
				continue
			}
			if err := open(); !errors.Is(err, ErrSpread) || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %s says %v", what, how, err)
			}
		}
	}
	as := func(cluster string) Target {
		of := target
		of.Cluster = cluster
		return of
	}
	refused("a cluster that there is not", as("nowhere"), "knows no cluster nowhere")

	s := opened(target)
	commitDays(t, s, 20)
	for _, h := range s.shards {
		if n, err := h.client.number(ctx, "SELECT count() FROM rows_1"); err != nil || n != 10 {
			t.Errorf("shard %d has %d rows, %v", h.number, n, err)
		}
	}
	days(t, s, 20)
	farTimes(t, s, 20)
	if f, err := Look(ctx, Options{Target: target}); err != nil || f.Shards != 2 || f.Position != 20 {
		t.Errorf("it looks like %+v, %v", f, err)
	}
	if err := Reach(ctx, Options{Target: target}); err != nil {
		t.Error(err)
	}
	asked := func() error {
		f, err := Follow(ctx, Options{Target: target})
		if err != nil {
			return err
		}
		defer f.Close()
		c, err := f.Cut(ctx, 1)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, err := range c.Rows(ctx, "SELECT count(*) FROM "+c.Events("seq")) {
			return err
		}
		return nil
	}
	if err := asked(); err != nil {
		t.Error(err)
	}
	refused("another number of shards", as(clickhousetest.First), "2 shards have its rows, the cluster first has 1")
	refused("no cluster", as(""), "name the cluster in store.address")
	refused("only another order of shards", as(clickhousetest.Swapped), "another shard")
	other := target
	other.Cluster, other.Address = "", s.shards[1].address
	refused("a shard by itself", other, "a shard of another server's database")
	_ = s.Close()

	// Another name for the same servers is no other cluster.
	target = as(clickhousetest.Renamed)
	s = opened(target)
	days(t, s, 20)
	commitDays(t, s, 2)
	days(t, s, 22)

	// Somebody takes a shard out of the configuration, or puts one in, while questions are asked.
	if err := s.client.write(ctx, "INSERT INTO spread SELECT id, 3 FROM spread LIMIT 1"); err != nil {
		t.Fatal(err)
	}
	var told *event.Error
	if _, err := s.number(ctx, "SELECT count() FROM events_1 WHERE "+s.sameShards()); err == nil {
		t.Error("a shard is missing, and the others are counted")
	}
	c, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Rows(ctx, "SELECT count(*) FROM "+c.Events("seq")) {
		if !errors.As(err, &told) || told.Kind != event.Unavailable {
			t.Errorf("a shard is missing: %v", err)
		}
	}
	c.Close()
	if err := s.client.exec(ctx, "ALTER TABLE spread DELETE WHERE shards = 3 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()

	// A server that has lost its disk is no shard any more.
	if err := s.shards[1].client.exec(ctx, "DROP DATABASE spread SYNC"); err != nil {
		t.Fatal(err)
	}
	if err := asked(); err == nil {
		t.Error("a shard has lost its rows, and the others are counted")
	}
	refused("only a shard without rows", target, "it has lost its rows")

	// A database of one server is not spread afterwards.
	one, err := ParseURL(servers[1].URL() + "/one")
	if err != nil {
		t.Fatal(err)
	}
	s = opened(one)
	commitDays(t, s, 3)
	_ = s.Close()
	one.Cluster = clickhousetest.Both
	refused("a database of one server", one, "this server alone has its rows")
	one.Cluster = ""
	s = opened(one)
	days(t, s, 3)
	_ = s.Close()
}

// farTimes holds that events of 1970 are found by their times, one a day, and with none of long before or after.
func farTimes(t *testing.T, s *Store, n int) {
	t.Helper()
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const day = int64(86400e6)
	found := func(want int, condition string, of ...int64) {
		t.Helper()
		times := make([]any, len(of))
		for i, us := range of {
			times[i] = c.Dialect().Moment(us)
		}
		for row, err := range c.Rows(context.Background(), "SELECT count(*) FROM "+c.Events("time", "seq")+" WHERE "+fmt.Sprintf(condition, times...)) {
			if err != nil || row[0] != uint64(want) {
				t.Errorf("%s, %v: %v rows, want %d, %v", condition, of, row, want, err)
			}
		}
	}
	for at := range n {
		us := int64(at) * day
		found(n-at, "time >= %s", us)
		found(at, "(time, seq) < (%s, 0)", us)
		found(1, "time = %s", us)
		found(2, "time IN (%s, %s, %s)", us, us+1, (int64(at)+1)%int64(n)*day)
	}
	for _, us := range []int64{-62135596800e6, -1, -5e5} {
		found(n, "time > %s", us)
	}
	for _, us := range []int64{20000101e6, 99999999e6, 123456789012345, 1772000000123456, 9999999999999999, 1e16, 253402300799999999} {
		found(n, "time < %s", us)
	}
}

// TestHalfDone holds that what was done on one shard only when the process died is done on the others later.
func TestHalfDone(t *testing.T) {
	ctx := context.Background()
	target, _ := onShards(t)
	s := fenced(t, target, 1, nil)
	commitDays(t, s, 20)
	// on is the store as it would be with some of the shards only.
	on := func(shards ...*shard) *Store {
		return &Store{opts: s.opts, client: s.client, shards: shards, epochs: s.epochs, tables: s.tables}
	}

	// A batch that one shard has.
	addDays(s, 20, 4)
	if err := s.make(ctx, s.tables[1]); err != nil {
		t.Fatal(err)
	}
	if err := on(s.shards[0]).writeRows(ctx, s.ownEpoch(), s.batch.order[0], s.targets.with(nil)); err != nil {
		t.Fatal(err)
	}
	s = fenced(t, target, 2, nil)
	days(t, s, 20)
	for _, h := range s.shards {
		if n, err := h.client.number(ctx, "SELECT count() FROM rows_1"); err != nil || n != 10 {
			t.Errorf("shard %d has %d rows, %v", h.number, n, err)
		}
	}

	// A column that one shard has, and no row yet.
	named := func(s *Store, key string) {
		at := uint64(s.Position())
		for i := range uint64(2) {
			e := event.Event{Name: "e", ID: fmt.Sprint(at + i), Properties: []event.Property{{Key: key, Type: event.String, Str: key}}}
			e.Derived.Position, e.Derived.Person = at+i, i
			s.Add(1, time.UTC, "native", &e)
			s.Count(1, int64(at+i)*86400, store.Counts{Accepted: 1, Stored: 1})
		}
	}
	named(s, "mine")
	if err := s.noteProperties(ctx, s.tables[1]); err != nil {
		t.Fatal(err)
	}
	if err := s.shards[0].client.exec(ctx, "ALTER TABLE rows_1 ADD COLUMN p1 Nullable(String)"); err != nil {
		t.Fatal(err)
	}
	f, err := Follow(ctx, Options{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	days(t, f, 20)
	_ = f.Close()
	s = fenced(t, target, 3, nil)
	named(s, "mine")
	if err := s.Commit(ctx, 22); err != nil {
		t.Fatal(err)
	}
	c, err := s.Cut(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range c.Rows(ctx, "SELECT count(p1) FROM "+c.Events("p1")) {
		if err != nil || row[0] != uint64(2) {
			t.Errorf("the column has %v values, %v", row, err)
		}
	}
	c.Close()

	// Days that have expired on one shard.
	if n, err := s.Expire(ctx, 1, 4); err != nil || n != 6 { // two have no time
		t.Fatal(n, err)
	}
	if err := on(s.shards[1]).deleteRows(ctx, s.tables[1].rows, s.expiries[0].rows()); err != nil {
		t.Fatal(err)
	}
	s = fenced(t, target, 4, nil)
	left := uint64(0)
	for _, h := range s.shards {
		n, err := h.client.number(ctx, "SELECT count() FROM rows_1")
		if err != nil {
			t.Fatal(err)
		}
		left += n
	}
	if left != 16 {
		t.Errorf("%d rows are left", left)
	}

	// A new database of which one shard knows.
	target.Database = "begun"
	b := fenced(t, target, 1, nil)
	if err := b.shards[1].client.exec(ctx, "DROP TABLE shard"); err != nil {
		t.Fatal(err)
	}
	if err := b.client.exec(ctx, "ALTER TABLE spread DELETE WHERE shards > 0 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	b = fenced(t, target, 2, nil)
	commitDays(t, b, 2)
	days(t, b, 2)
}

// TestShardKilled kills one shard, or the other, within commits. Meanwhile a question is answered with an error; it is never a smaller number.
func TestShardKilled(t *testing.T) {
	target, servers := onShards(t)
	url := servers[0].URL() + "/" + target.Database + "?cluster=" + target.Cluster
	var told eventlog.Position
	for round := range 6 {
		victim := servers[(round+1)%2]
		killed, end := make(chan struct{}), told+eventlog.Position(100+rand.IntN(300))
		kill := sync.OnceFunc(func() {
			go func() {
				victim.Kill()
				close(killed)
			}()
		})
		err := writeOn(url, told+1<<20, func(p eventlog.Position) {
			if told = p; p > end {
				kill()
			}
		})
		if err == nil {
			t.Fatal("a commit succeeds without a shard")
		}
		kill() // unless another one had ended by itself
		<-killed
		for _, s := range servers {
			if s.Gone() {
				s.Run()
			}
		}
		if round%2 == 0 { // the first one answers, and has half of the rows
			f, err := Follow(context.Background(), Options{Target: target})
			if err != nil {
				t.Fatal(err)
			}
			c, err := f.Cut(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			var away *event.Error
			for row, err := range c.Rows(context.Background(), "SELECT count(*) FROM "+c.Events("seq")) {
				if !errors.As(err, &away) || away.Kind != event.Unavailable {
					t.Errorf("a shard is away, and the answer is %v, %v", row, err)
				}
			}
			c.Close()
			_ = f.Close()
		}
		victim.Run()
		whole(t, url, told)
	}
}
