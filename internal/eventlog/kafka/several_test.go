//go:build cluster

package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/test/kafkatest"
)

// readAll returns the payloads of a log by their positions, up to an end.
func readAll(t *testing.T, l *Log, to eventlog.Position) map[eventlog.Position]string {
	t.Helper()
	found := map[eventlog.Position]string{}
	sub, err := l.Subscribe(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	for at := eventlog.Position(0); at < to; {
		entries, err := sub.Next(context.Background(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			found[e.First], at = string(e.Payload), e.End()
		}
	}
	return found
}

// checkOnce finds each payload where it was said to be, and nowhere else.
func checkOnce(t *testing.T, l *Log, given map[eventlog.Position]string) {
	t.Helper()
	_, end := l.Bounds()
	found := readAll(t, l, end)
	seen := map[string]int{}
	for _, payload := range found {
		seen[payload]++
	}
	for p, want := range given {
		if found[p] != want || seen[want] != 1 {
			t.Errorf("%q at %d, %d times; want %q once", found[p], p, seen[want], want)
		}
	}
}

// Two processes that append at a time each find theirs where they were told.
func TestTwoProcesses(t *testing.T) {
	const writers, each = 4, 100
	server := kafkatest.Start(t)
	logs := []*Log{openTest(t, server, "two"), openTest(t, server, "two")}
	var mu sync.Mutex
	given := map[eventlog.Position]string{}
	var last eventlog.Position
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				payload := fmt.Sprintf("%d/%d", w, i)
				events := 1 + (w+i)%9
				p, err := logs[w%2].Append(context.Background(), eventlog.Record{Payload: []byte(payload), Events: events})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				given[p] = payload
				last = max(last, p+eventlog.Position(events))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, l := range logs {
		found := readAll(t, l, last)
		if len(found) != writers*each || len(given) != writers*each {
			t.Fatalf("%d found, %d given", len(found), len(given))
		}
		for p, want := range given {
			if found[p] != want {
				t.Fatalf("%q at %d, want %q", found[p], p, want)
			}
		}
	}
}

// A broker that is killed, and one that hangs, take nothing that they do not have, and give nobody a 2xx meanwhile.
func TestBrokerGoesAway(t *testing.T) {
	server := kafkatest.Start(t)
	l := openTest(t, server, "away")
	given := map[eventlog.Position]string{}
	n := 0
	add := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		payload := fmt.Sprint(n)
		n++
		p, err := l.Append(ctx, eventlog.Record{Payload: []byte(payload), Events: 1 + n%3})
		if err == nil {
			given[p] = payload
		}
		return err
	}
	refused := func(err error) {
		t.Helper()
		var e *event.Error
		if !errors.As(err, &e) || e.Kind != event.Unavailable || e.Code != "log_unavailable" || e.Wait == 0 {
			t.Fatal(err)
		}
	}
	back := func() {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for add() != nil {
			if time.Now().After(deadline) {
				t.Fatal("nothing is taken")
			}
		}
	}
	for range 20 {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	server.Kill()
	for range 5 {
		refused(add())
	}
	server.Run()
	back()
	server.Pause()
	for range 2 {
		refused(add())
	}
	server.Resume()
	back()
	for range 20 {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	checkOnce(t, l, given)
}

// What others write to the topic is damage, which a reader can go on behind.
func TestForeignRecordsAreDamage(t *testing.T) {
	server := kafkatest.Start(t)
	l := openTest(t, server, "foreign")
	ctx := context.Background()
	add := func(text string) {
		if _, err := l.Append(ctx, eventlog.Record{Payload: []byte(text), Events: 2}); err != nil {
			t.Fatal(err)
		}
	}
	add("one")
	client, err := kgo.NewClient(kgo.SeedBrokers(server.Address()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// The second one begins an append of ten events, which never ends.
	for _, value := range [][]byte{[]byte("not ours"), appendPlace(nil, 0, 10)} {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "foreign", Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	add("two")
	sub, err := l.Subscribe(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	if es, err := sub.Next(ctx, 9); err != nil || len(es) != 1 || string(es[0].Payload) != "one" {
		t.Fatal(es, err)
	}
	for want := eventlog.Position(3); want <= 4; want++ {
		if _, err := sub.Next(ctx, 9); event.KindOf(err) != event.Corrupt {
			t.Fatal(err)
		}
		if at, err := sub.(interface {
			SkipDamage() (eventlog.Position, error)
		}).SkipDamage(); err != nil || at != want {
			t.Fatal(at, err)
		}
	}
	if es, err := sub.Next(ctx, 9); err != nil || len(es) != 1 || string(es[0].Payload) != "two" || es[0].First != 4 {
		t.Fatal(es, err)
	}
}

// Who takes over from another one finds the end of the topic where that one has left it, though it has not looked since.
func TestSkipTo(t *testing.T) {
	server := kafkatest.Start(t)
	one, two := openTest(t, server, "skipped"), openTest(t, server, "skipped")
	for n := range eventlog.Position(20) {
		if _, err := one.Append(context.Background(), eventlog.Record{Payload: []byte("x"), Events: 1}); err != nil {
			t.Fatal(err)
		}
		if err := two.SkipTo(n + 1); err != nil {
			t.Fatal(err)
		}
		if err := two.SkipTo(n + 2); !errors.Is(err, ErrUnusable) {
			t.Fatalf("position %d, where the topic ends at %d: %v", n+2, n+1, err)
		}
	}
	server.Kill()
	if err := two.SkipTo(21); err == nil || errors.Is(err, ErrUnusable) {
		t.Fatalf("nobody knows whether there is position 21: %v", err)
	}
}

// One process takes events out of a topic and trims it.
func TestClaim(t *testing.T) {
	server := kafkatest.Start(t)
	ctx := context.Background()
	one, two := openTest(t, server, "claimed"), openTest(t, server, "claimed")
	// A broker that has just begun makes a topic of its own for this.
	deadline := time.Now().Add(time.Minute)
	for err := one.Claim(ctx, "one"); err != nil; err = one.Claim(ctx, "one") {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if err := two.Claim(ctx, "two"); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "one") {
		t.Fatal(err)
	}
	for range 9 {
		if _, err := two.Append(ctx, eventlog.Record{Payload: []byte("x"), Events: 3}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := one.Subscribe(27); err != nil { // looks how far the other one is
		t.Fatal(err)
	}
	// A position within an append leaves all of it.
	if err := one.Trim(11); err != nil {
		t.Fatal(err)
	}
	if start, end := one.Bounds(); start != 9 || end != 27 {
		t.Fatal(start, end)
	}
	offsets, err := one.admin.FetchOffsets(ctx, one.group())
	if at, ok := offsets.Lookup("claimed", 0); err != nil || !ok || at.At != 11 {
		t.Fatal(at, err)
	}
	if err := openTest(t, server, "claimed").Claim(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if err := two.Claim(ctx, "ours", "one"); err != nil { // by whoever has the place of one
		t.Fatal(err)
	}
	if err := one.Claim(ctx, "one"); !errors.Is(err, ErrUnusable) {
		t.Fatal(err)
	}
}

// A topic that would lose events is refused, with what to set.
func TestTopicIsRefused(t *testing.T) {
	server := kafkatest.Start(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(server.Address()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	text := func(s string) *string { return &s }
	for topic, made := range map[string]struct {
		partitions int32
		settings   map[string]*string
	}{
		"time":       {1, map[string]*string{}},
		"compact":    {1, map[string]*string{"cleanup.policy": text("compact")}},
		"partitions": {3, map[string]*string{"retention.ms": text("-1")}},
	} {
		if _, err := admin.CreateTopic(context.Background(), made.partitions, 1, made.settings, topic); err != nil {
			t.Fatal(err)
		}
		target, err := ParseURL(server.URL(topic))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), Options{Target: target, Replicas: 1}); !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: %v", topic, err)
		}
	}
	target, err := ParseURL(server.URL("three"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Options{Target: target, Replicas: 3}); !errors.Is(err, ErrUnusable) {
		t.Error(err)
	}
}

// The partitions of a topic are logs of their own: each has its positions, its bounds and its end, and is trimmed by itself. A topic is
// given more while others use it.
func TestPartitions(t *testing.T) {
	server := kafkatest.Start(t)
	ctx := context.Background()
	target, err := ParseURL(server.URL("parts"))
	if err != nil {
		t.Fatal(err)
	}
	opened := func(partition int32, of int) *Log {
		t.Helper()
		o := Options{Target: target, Replicas: 1, Partitions: of}
		o.Target.Partition = partition
		l, err := Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	add := func(l *Log, payload string, events int) eventlog.Position {
		t.Helper()
		p, err := l.Append(ctx, eventlog.Record{Payload: []byte(payload), Events: events})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := opened(0, 1)
	if p := add(first, "before", 3); p != 0 {
		t.Fatal(p)
	}
	var grown [3]*Log
	var wg sync.WaitGroup
	for i := range grown {
		wg.Go(func() { grown[i] = opened(int32(i), 3) })
	}
	wg.Wait()
	if p := add(first, "meanwhile", 1); p != 3 {
		t.Errorf("who has it open appends at %d", p)
	}
	for i, l := range grown {
		if p := add(l, fmt.Sprint(i), 2); i > 0 && p != 0 {
			t.Errorf("partition %d begins at %d", i, p)
		}
		// A broker that has just begun makes a topic of its own for this.
		deadline := time.Now().Add(time.Minute)
		for err := l.Claim(ctx, fmt.Sprint("owner ", i)); err != nil; err = l.Claim(ctx, fmt.Sprint("owner ", i)) {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	if found := readAll(t, grown[0], 6); len(found) != 3 || found[0] != "before" || found[3] != "meanwhile" || found[4] != "0" {
		t.Errorf("the first has %v", found)
	}
	if found := readAll(t, grown[2], 2); len(found) != 1 || found[0] != "2" {
		t.Errorf("the last has %v", found)
	}
	add(grown[1], "more", 1)
	if err := grown[1].Trim(2); err != nil {
		t.Fatal(err)
	}
	for i, want := range []eventlog.Position{0, 2, 0} {
		if start, _ := opened(int32(i), 3).Bounds(); start != want {
			t.Errorf("partition %d begins at %d after one was trimmed", i, start)
		}
	}
	if grown[0].TopicID() != grown[2].TopicID() {
		t.Error("one topic has two ids")
	}
	if err := grown[2].SkipTo(3); err == nil {
		t.Error("what is behind the end is taken for there")
	}
	o := Options{Target: target, Replicas: 1, Partitions: 4}
	o.Target.Partition = 3
	if f, err := Look(ctx, o); err != nil || f.Exists {
		t.Errorf("a partition that is to be made looks like %+v, %v", f, err)
	}
	if _, err := Open(ctx, Options{Target: target, Replicas: 1}); !errors.Is(err, ErrUnusable) {
		t.Errorf("one log in a topic of three: %v", err)
	}
	// What others have appended is asked for before it is missed.
	other := opened(2, 3)
	end := add(grown[2], "late", 5) + 5
	if err := other.SkipTo(end); err != nil {
		t.Error(err)
	}
}
