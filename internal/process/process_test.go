package process_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/process"
	"github.com/freshet/freshet/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const start = int64(1_775_000_000e6)

var header = event.Header{Project: 1, ReceivedAt: start, Protocol: "segment"}

func named(id string) event.Event {
	return event.Event{ID: id, Name: "opened", AnonymousID: "a", OriginalTime: start - 1e6}
}

// balanced holds the ledger to the rows, dead letters and positions, of which some are of unlinks.
func balanced(t fataler, c contents, unlinks ...int64) {
	at := int64(c.position)
	for _, n := range unlinks {
		at -= n
	}
	told := map[hour]int64{}
	for _, d := range c.sdks {
		told[d.hour]++
	}
	var sum store.Counts
	for h, n := range c.counts {
		if told[h] != n.Duplicate {
			t.Fatal(fmt.Sprintf("SDKs of %d duplicates of %+v", told[h], n))
		}
		sum = sum.Plus(n)
		if n.Accepted != n.Stored+n.Duplicate+n.Dead {
			t.Fatal(fmt.Sprintf("out of balance: %+v", n))
		}
	}
	if sum.Accepted != at || sum.Stored != int64(len(c.rows)) {
		t.Fatal(fmt.Sprintf("%+v at position %d with %d rows", sum, c.position, len(c.rows)))
	}
}

func TestRecord(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	e := named("made-1")
	e.Context.DeviceID, e.SentAt, e.SentFresh = "d", start-600e6, true
	e.Context.UserAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
	e.Context.LibraryName, e.Context.LibraryVersion = "analytics", "1.2"
	w.append(t, header, e, event.Dead{Code: "bad_event", Reason: "no name", Body: []byte("{}")}, e, named(""), named(""))
	var told []string
	w.proc.OnCommit(func(after eventlog.Position, receivedAt time.Time) {
		told = append(told, fmt.Sprint(after, receivedAt.UnixMicro()))
	})
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	want := row{
		0, 1, "made-1", start + 599e6, event.IDNumber(event.SpaceAnonymous, "a"), 0, event.IDNumber(event.SpaceDevice, "d"),
		"Chrome", event.FlagMadeID | event.FlagSkewCorrected,
	}
	if len(w.store.rows) != 3 || w.store.rows[0] != want {
		t.Errorf("rows %+v, want %+v", w.store.rows, want)
	}
	if d := w.store.dead; len(d) != 1 || d[0].Position != 1 || d[0].Stage != "decode" || d[0].Code != "bad_event" || string(d[0].Body) != "{}" || d[0].Project != 1 {
		t.Errorf("dead letters %+v", d)
	}
	if got := w.store.counts[hour{1, start / 3600e6 * 3600}]; got != (store.Counts{Accepted: 5, Stored: 3, Duplicate: 1, Dead: 1}) {
		t.Errorf("ledger %+v", w.store.counts)
	}
	if want := []sdkHour{{hour{1, start / 3600e6 * 3600}, store.SDK{Name: "analytics", Version: "1.2"}}}; !slices.Equal(w.store.sdks, want) {
		t.Errorf("SDKs of duplicates %+v", w.store.sdks)
	}
	if want := fmt.Sprint(5, start); !slices.Equal(told, []string{want}) {
		t.Errorf("hook got %v, want %s", told, want)
	}
	if events, seconds := w.proc.Lag(); events != 0 || seconds != 0 {
		t.Error("lag", events, seconds)
	}
	if w.proc.Freshness(0.99) <= 0 {
		t.Error("no freshness")
	}
	w.close(t)
}

func (w *world) close(t fataler) {
	if err := w.index.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPoison(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	bad := named("bad")
	bad.Name = "boom"
	w.store.failAt = "indigestible"
	w.append(t, header, named("1"), bad, named("2"), named("indigestible"))
	w.append(t, header, named("3"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if len(w.store.rows) != 3 || len(w.store.dead) != 2 || w.touchy.panics != 3 {
		t.Fatalf("%d rows, %d panics, dead letters %+v", len(w.store.rows), w.touchy.panics, w.store.dead)
	}
	d := w.store.dead[0]
	if d.Stage != "process" || d.Code != "poison" || d.Position != 1 || d.Protocol != "segment" || d.ReceivedAt != start {
		t.Errorf("%+v", d)
	}
	var dec event.Decoder
	var e event.Event
	if err := dec.Open(d.Body); err != nil || dec.Header != header {
		t.Fatal(dec.Header, err)
	}
	if _, ok, err := dec.Next(&e); !ok || err != nil || e.ID != "bad" || e.Name != "boom" {
		t.Fatalf("%+v, %v", e, err)
	}
	// Mended, it is sent again, twice.
	e.Name = "mended"
	w.append(t, header, e, e)
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.store.rows); n != 4 || w.store.rows[3].id != "bad" {
		t.Fatalf("%+v", w.store.rows)
	}
	balanced(t, w.store.contents)
	w.close(t)
}

func TestMalformedRecords(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	var enc event.Encoder
	enc.Begin(header)
	one := named("1")
	enc.Add(&one)
	payload := slices.Clone(enc.Payload())
	for _, r := range []eventlog.Record{
		{Payload: []byte("garbage"), Events: 3},
		{Payload: payload, Events: 4},
		{Payload: payload[:len(payload)-3], Events: 1},
		{Payload: nil, Events: 1},
	} {
		if _, err := w.log.Append(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	w.append(t, header, named("2"))
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if len(w.store.rows) != 2 || len(w.store.dead) != 4 {
		t.Errorf("rows %+v, dead %+v", w.store.rows, w.store.dead)
	}
	balanced(t, w.store.contents)
	w.close(t)
}

// TestNewerRecord: a record that a later version has written stops the processing in front of it, so that the newer program
// finds it where it was.
func TestNewerRecord(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.append(t, header, named("1"))
	if _, err := w.log.Append(context.Background(), eventlog.Record{Payload: []byte{4, 1, 2}, Events: 2}); err != nil {
		t.Fatal(err)
	}
	w.append(t, header, named("2"))
	if err := w.drain(); !errors.Is(err, event.ErrNewer) {
		t.Errorf("%v", err)
	}
	if len(w.store.dead) > 0 || w.store.position > 1 {
		t.Errorf("position %d, dead %+v", w.store.position, w.store.dead)
	}
	w.close(t)
}

// TestNewerRecordReplayed: nor are its ids left out of the index when the newer program had it stored.
func TestNewerRecordReplayed(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	if _, err := w.log.Append(context.Background(), eventlog.Record{Payload: []byte{4, 1, 2}, Events: 2}); err != nil {
		t.Fatal(err)
	}
	w.store.durable.position = 2
	if err := w.drain(); !errors.Is(err, event.ErrNewer) {
		t.Errorf("%v", err)
	}
	w.close(t)
}

func TestDamagedLog(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.append(t, header, named("1"))
	w.append(t, header, named("2"), named("3"))
	w.append(t, header, named("4"))
	w.log.damaged[1] = true
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if len(w.store.rows) != 2 || w.store.position != 4 {
		t.Errorf("rows %+v", w.store.rows)
	}
	if d := w.store.dead; len(d) != 1 || d[0].Code != "log_damaged" || d[0].Position != 1 {
		t.Errorf("dead %+v", d)
	}
	balanced(t, w.store.contents)
	w.close(t)
}

func TestCommitError(t *testing.T) {
	w := newWorld(t)
	w.start(t)
	w.append(t, header, identify("u", "a"), named("1"))
	w.store.failCommit = errors.New("no space")
	if err := w.drain(); !errors.Is(err, w.store.failCommit) {
		t.Fatal(err)
	}
	w.store.crash()
	w.start(t)
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if len(w.store.rows) != 2 || len(w.store.links) != 1 {
		t.Errorf("rows %+v, links %v", w.store.rows, w.store.links)
	}
	balanced(t, w.store.contents)
	w.close(t)
}

func identify(user, anonymous string) event.Event {
	return event.Event{Kind: event.Identify, Name: event.NameIdentify, ID: "i-" + user + anonymous, UserID: user, AnonymousID: anonymous, OriginalTime: start}
}

// TestExactlyOnce compares a run with kills, failed commits and clean stops with one without: the rows, dead letters,
// links and the ledger are the same.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		next := func(n int) int {
			seed = seed*6364136223846793005 + 1442695040888963407
			return int(seed>>33) % n
		}
		smooth, rough := newWorld(t), newWorld(t)
		rough.log = smooth.log
		smooth.start(rt)
		rough.start(rt)
		received, unlinks := start, int64(0)
		for range rapid.IntRange(1, 60).Draw(rt, "records") {
			received += int64(next(60e6))
			h := event.Header{Project: uint32(1 + next(2)), ReceivedAt: received, Protocol: "segment"}
			var items []any
			for range 1 + next(12) {
				switch next(12) {
				case 0:
					items = append(items, event.Dead{Code: "bad"})
				case 1:
					e := identify(fmt.Sprint("u", next(4)), fmt.Sprint("a", next(6)))
					items = append(items, e)
				case 3:
					e := named(fmt.Sprint("e", next(150)))
					e.UserID, e.AnonymousID = fmt.Sprint("u", next(4)), fmt.Sprint("a", next(6))
					items = append(items, e)
				case 2:
					// What was poisoned is sent again, mended or not.
					e := named(fmt.Sprint("boom", next(5)))
					e.Name = []string{"boom", "boom", "mended"}[next(3)]
					items = append(items, e)
				default:
					e := named(fmt.Sprint("e", next(150)))
					e.AnonymousID = fmt.Sprint("a", next(6))
					e.OriginalTime, e.SentAt, e.SentFresh = received-int64(next(1e9)), received, true
					items = append(items, e)
				}
			}
			smooth.append(rt, h, items...)
			if next(6) == 0 {
				unlinks++
				smooth.append(rt, h, event.Event{Kind: event.Unlink, Name: event.NameUnlink, AnonymousID: fmt.Sprint("a", next(6))})
			}
			if next(2) == 0 {
				if err := rough.drain(); err != nil {
					rt.Fatal(err)
				}
			}
			switch next(8) {
			case 0: // The plug is pulled.
				rough.fs = rough.fs.CrashClone(vfs.CrashCloneCfg{})
				rough.store.crash()
				rough.start(rt)
			case 1:
				rough.store.flush()
			case 2:
				rough.store.failCommit = errors.New("disk")
				if err := rough.drain(); err == nil && rough.store.position != rough.log.end() {
					rt.Fatal("a failed commit went unnoticed")
				}
				// The index outlives the store's restart, or does not.
				if next(2) == 0 {
					rough.close(rt)
				} else {
					rough.fs = rough.fs.CrashClone(vfs.CrashCloneCfg{})
				}
				rough.store.crash()
				rough.start(rt)
			case 3:
				rough.close(rt)
				rough.store.flush()
				rough.start(rt)
			}
		}
		if err := errors.Join(smooth.drain(), rough.drain()); err != nil {
			rt.Fatal(err)
		}
		balanced(rt, rough.store.contents, unlinks)
		a, b := smooth.store.contents, rough.store.contents
		a.commits, b.commits = nil, nil
		if !reflect.DeepEqual(a, b) {
			rt.Fatal("the runs differ: ", a.diff(b))
		}
		smooth.close(rt)
		rough.close(rt)
	})
}

// TestPacing: a lone event is committed at once, those that follow at the interval, a full batch without waiting.
func TestPacing(t *testing.T) {
	w := newWorld(t)
	w.config = process.Config{BatchEvents: 100, CommitInterval: 100 * time.Millisecond}
	synctest.Test(t, func(t *testing.T) {
		w.log.more = make(chan struct{})
		w.start(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.proc.Run(ctx) }()
		synctest.Wait()
		begin := time.Now()
		send := func(n int) {
			for range n {
				w.append(t, header, named(fmt.Sprint(begin.Nanosecond(), w.log.end())))
			}
			synctest.Wait()
		}
		expect := func(what string, want ...time.Duration) {
			t.Helper()
			synctest.Wait()
			var got []time.Duration
			w.store.mu.Lock()
			for _, c := range w.store.commits {
				got = append(got, c.Sub(begin))
			}
			w.store.mu.Unlock()
			if !slices.Equal(got, want) {
				t.Fatalf("%s: commits at %v, want %v", what, got, want)
			}
		}
		ms, pass := time.Millisecond, time.Sleep //nolint:forbidigo // nobody waits: it sets the bubble's clock
		send(1)
		expect("lone event", 0)
		pass(30 * ms)
		send(1)
		expect("second event", 0)
		pass(69 * ms)
		expect("before the interval", 0)
		pass(2 * ms)
		expect("after the interval", 0, 100*ms)
		pass(500*ms - time.Since(begin))
		send(1)
		expect("after a pause", 0, 100*ms, 500*ms)
		send(250)
		expect("full batches", 0, 100*ms, 500*ms, 500*ms, 500*ms)
		pass(20 * ms)
		send(1)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := len(w.store.rows); n != 254 {
			t.Fatalf("%d rows after the stop", n)
		}
		w.close(t)
	})
}
