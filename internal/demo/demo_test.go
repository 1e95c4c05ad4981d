package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"
)

type call struct {
	Type, Event, Name, MessageID, AnonymousID, UserID, Timestamp string
	Properties                                                   map[string]any
	Context                                                      map[string]any
}

func TestDataSet(t *testing.T) {
	const n = 300_000
	end := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	g := New(Options{Events: n, End: end})
	ids, anonymous, users := map[string]bool{}, map[string]bool{}, map[string]bool{}
	names, hours, days, owner := map[string]int{}, [24]int{}, map[string]int{}, map[string]string{}
	var size, late int
	var newest time.Time
	for !g.Done() {
		body := g.Next(nil, 1000)
		size += len(body)
		var batch struct{ Batch []call }
		if err := json.Unmarshal(body, &batch); err != nil {
			t.Fatal(err)
		}
		for _, c := range batch.Batch {
			ids[c.MessageID] = true
			anonymous[c.AnonymousID] = true
			if c.UserID != "" {
				users[c.UserID] = true
				owner[c.AnonymousID] = c.UserID
			}
			names[c.Event]++
			at, err := time.Parse("2006-01-02T15:04:05.000Z", c.Timestamp)
			if err != nil || at.After(end) {
				t.Fatal(c.Timestamp, err)
			}
			hours[at.Hour()]++
			days[c.Timestamp[:10]]++
			if at.After(newest) {
				newest = at
			} else if newest.Sub(at) > 10*time.Minute {
				late++
			}
		}
	}
	persons := len(users)
	for a := range anonymous {
		if owner[a] == "" {
			persons++
		}
	}
	t.Logf("%d bytes an event, %d persons, %d devices, %d users, %d late, %d names, %d days, ends %s, %v", size/n, persons, len(anonymous), len(users), late, len(names), len(days), newest, hours)
	check := func(what string, got, least, most int) {
		t.Helper()
		if got < least || got > most {
			t.Errorf("%s: %d, not within %d and %d", what, got, least, most)
		}
	}
	check("ids", len(ids), n, n)
	check("bytes", size/n, 780, 900)
	check("persons", persons, n/28*95/100, n/28*105/100)
	check("users", len(users), persons*25/100, persons*42/100)
	check("devices beyond persons", len(anonymous)-persons, persons/50, persons/5)
	check("late", late, n/400, n/40)
	check("names", len(names), 41, 41) // 40, and none for screens and identifies
	check("days", len(days), 30, 31)
	check("rhythm", hours[0], 0, hours[16]/2)
	check("minutes to the end", int(end.Sub(newest).Minutes()), 0, 60)
	check("purchases", names["purchase"], n/200, n/50)
}

func TestSameOptionsSameBytes(t *testing.T) {
	a, b := New(Options{Events: 5000}), New(Options{Events: 5000})
	other := New(Options{Events: 5000, Seed: 2})
	for !a.Done() {
		x := a.Next(nil, 100)
		if !bytes.Equal(x, b.Next(nil, 100)) || bytes.Equal(x, other.Next(nil, 100)) {
			t.Fatal("not a function of the options")
		}
	}
	if a.Made() != 5000 || string(a.Next(nil, 1)) != `{"batch":[]}` {
		t.Error("made", a.Made())
	}
}

func TestEndlessDataKeepsItsRate(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	g := New(Options{End: start, Rate: 5, Run: 7})
	n := 0
	for at := start; at.Before(start.Add(24 * time.Hour)); at = at.Add(time.Minute) {
		for {
			_, k := g.Until(nil, at, 1000)
			n += k
			if k == 0 {
				break
			}
		}
	}
	if want := 5 * 86400; n < want*8/10 || n > want*12/10 {
		t.Errorf("%d events in a day, want about %d", n, want)
	}
}

func TestTimesAsTheStandardLibraryWritesThem(t *testing.T) {
	var d dayText
	for _, ms := range []int64{0, 951_782_400_123, 951_868_799_999, 1_709_164_800_000, 4_102_444_799_001} {
		want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		if got := string(d.appendTime(nil, ms)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	g := New(Options{Events: 1 << 30, People: 360_000})
	var buf []byte
	for b.Loop() {
		buf = g.Next(buf[:0], 100)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
	b.SetBytes(int64(len(buf)))
}

func TestLoadSendsEverything(t *testing.T) {
	var mu sync.Mutex
	ids := map[string]bool{}
	send := func(_ context.Context, body []byte) (uint64, error) {
		var batch struct{ Batch []call }
		if err := json.Unmarshal(body, &batch); err != nil {
			return 0, err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, c := range batch.Batch {
			ids[c.MessageID] = true
		}
		return uint64(len(ids)), nil
	}
	position, err := Load(t.Context(), LoadOptions{Data: Options{Events: 10_050}, Batch: 100, Send: send})
	if err != nil || len(ids) != 10_050 || position != 10_050 {
		t.Fatal(err, len(ids), position)
	}
	broken := errors.New("refused")
	_, err = Load(t.Context(), LoadOptions{Data: Options{Events: 100_000}, Send: func(context.Context, []byte) (uint64, error) { return 0, broken }})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
}

func TestLiveSendsThePastFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var first string
	n := 0
	err := Live(ctx, LiveOptions{Rate: 10, History: time.Hour, Now: func() time.Time { return start }, Send: func(_ context.Context, body []byte) (uint64, error) {
		var batch struct{ Batch []call }
		if err := json.Unmarshal(body, &batch); err != nil {
			return 0, err
		}
		if n == 0 {
			first = batch.Batch[0].Timestamp
		}
		n += len(batch.Batch)
		if n > 20_000 || len(batch.Batch) < 1000 {
			cancel()
		}
		return 0, nil
	}})
	if err != nil || n < 20_000 || first < "2026-03-01T10:5" || first > "2026-03-01T11:01" {
		t.Fatal(err, n, first)
	}
}
