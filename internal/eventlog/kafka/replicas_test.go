//go:build cluster

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/test/kafkatest"
)

// TestThreeBrokers kills each of three brokers in turn while events come. Two have every event that was acknowledged, so appends go on by
// themselves; with two gone nothing is acknowledged, and with them back it goes on. Everything acknowledged is where it was said to
// be, once.
func TestThreeBrokers(t *testing.T) {
	brokers := kafkatest.StartSeveral(t, 3)
	target, err := ParseURL(kafkatest.SeveralURL("events", brokers...))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), Options{Target: target, Replicas: 3, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()

	var mu sync.Mutex
	given := map[eventlog.Position]string{}
	var taken, refused atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	defer func() { stop(); writers.Wait() }()
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				payload := fmt.Sprintf("%d/%d", w, i)
				within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
				p, err := l.Append(within, eventlog.Record{Payload: []byte(payload), Events: 1 + i%3})
				cancel()
				if err != nil {
					refused.Add(1)
					if e, ok := errors.AsType[*event.Error](err); !ok || e.Code != "log_unavailable" {
						t.Errorf("%v", err)
					}
					<-time.After(10 * time.Millisecond)
					continue
				}
				mu.Lock()
				given[p] = payload
				mu.Unlock()
				taken.Add(1)
			}
		})
	}
	await := func(what string, is func() bool) {
		t.Helper()
		end := time.After(2 * time.Minute)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for !is() {
			select {
			case <-end:
				t.Fatal("never: " + what)
			case <-tick.C:
			}
		}
	}
	more := func(what string) {
		t.Helper()
		began, at, not := time.Now(), taken.Load(), refused.Load()
		await(what+": events are taken", func() bool { return taken.Load() > at+300 })
		t.Logf("%s: 300 appends in %s, %d refused", what, time.Since(began).Round(time.Millisecond), refused.Load()-not)
	}
	inSync := func(n int) func() bool {
		return func() bool {
			topic, err := l.find(t.Context())
			return err == nil && len(topic.Partitions) == 1 && len(topic.Partitions[0].ISR) == n
		}
	}
	await("three have it", inSync(3))
	more("all are there")
	for i, b := range brokers {
		topic, err := l.find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		leads := topic.Partitions[0].Leader == int32(i+1)
		b.Kill()
		more(fmt.Sprintf("broker %d is killed (it leads: %v)", i+1, leads))
		b.Run()
		await("it has caught up", inSync(3))
	}
	brokers[0].Kill()
	brokers[1].Kill()
	at, not := taken.Load(), refused.Load()
	await("appends are refused", func() bool { return refused.Load() > not+8 })
	if n := taken.Load() - at; n > 4 { // each writer may have been told by the others
		t.Errorf("%d appends were taken by one broker of three", n)
	}
	brokers[0].Run()
	brokers[1].Run()
	more("two were killed, and are back")

	stop()
	writers.Wait()
	checkOnce(t, l, given)
	t.Logf("%d appends taken, %d refused", taken.Load(), refused.Load())
}
