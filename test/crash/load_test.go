//go:build crash

package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// mostEvents is the most events in a batch, so that which of them are somewhere fits into 64 bits.
const mostEvents = 40

// book is what clients know: which batches they have sent, and in which order these were acknowledged. A batch is named by
// its number, and its events by that and theirs.
type book struct {
	mu sync.Mutex
	// sent has each batch's number of events.
	sent  []uint8
	acked []uint32
	// sends counts events each time they were acknowledged; refused and cut count answers that were none.
	sends, refused, cut int64
}

// begin enters a new batch before it is sent.
func (b *book) begin(events int) (number uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, uint8(events))
	return uint32(len(b.sent) - 1)
}

// ack enters that the batch was acknowledged, perhaps not for the first time.
func (b *book) ack(number uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acked = append(b.acked, number)
	b.sends += int64(b.sent[number])
}

func (b *book) failed(cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cut {
		b.cut++
	} else {
		b.refused++
	}
}

// size is how many acknowledgements there are, and how many batches.
func (b *book) size() (acked, sent int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.acked), len(b.sent)
}

// count is how many acknowledgements there are.
func (b *book) count() int {
	acked, _ := b.size()
	return acked
}

// refusals is how many requests were not acknowledged, but for those that were cut off.
func (b *book) refusals() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}

// page is a part of the book: the first acknowledgements and the first batches.
func (b *book) page(acked, sent int) (acks []uint32, batches []uint8) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.acked[:acked:acked], b.sent[:sent:sent]
}

// eventID names an event; half of the ids are UUIDs, which are kept in another way than other texts.
func eventID(number uint32, i int) string {
	if number%2 == 0 {
		return fmt.Sprintf("b-%d-%d", number, i)
	}
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", number, i)
}

// parseID is the reverse of eventID.
func parseID(id string) (number uint32, i int, err error) {
	if len(id) > 2 && id[:2] == "b-" {
		_, err = fmt.Sscanf(id, "b-%d-%d", &number, &i)
	} else {
		_, err = fmt.Sscanf(id, "%08x-0000-4000-8000-%012x", &number, &i)
	}
	if err != nil || eventID(number, i) != id {
		return 0, 0, fmt.Errorf("the id %q was never sent", id)
	}
	return number, i, nil
}

// oldBatch tells that a batch's events are days old, so that days get compacted; goneBatch that they are older than the
// retention.
func oldBatch(number uint32) bool  { return number%4 == 1 }
func goneBatch(number uint32) bool { return number%8 == 2 }

// body makes a batch's request. It is the same each time.
func body(number uint32, events int) []byte {
	when := time.Now().UTC()
	switch {
	case oldBatch(number):
		when = when.Add(-time.Duration(72+24*(number/4%3)) * time.Hour)
	case goneBatch(number):
		when = when.Add(-400 * 24 * time.Hour)
	}
	list := make([]map[string]any, events)
	for i := range list {
		list[i] = map[string]any{
			"id": eventID(number, i), "event": fmt.Sprintf("event %d", i%5), "timestamp": when.Format(time.RFC3339),
			"anonymous_id": fmt.Sprintf("a%d", (int(number)+i)%300),
			"properties":   map[string]any{"n": i, "batch": number, "plan": []string{"free", "pro"}[i%2]},
		}
		if i == 0 {
			list[i]["user_id"] = fmt.Sprintf("u%d", number%300)
		}
	}
	b, _ := json.Marshal(list) //nolint:errchkjson // texts and numbers
	return b
}

// load is a number of clients that send batches. One that is not acknowledged is sent again, as it was; some are cut off
// before their answer comes, and some that were acknowledged are sent again all the same.
type load struct {
	*book
	url, key string
	every    time.Duration
	quit     chan struct{}
	wg       sync.WaitGroup
}

func (b *book) load(s *server, clients int, every time.Duration) *load {
	l := &load{book: b, url: "http://" + s.addr + "/v1/events", key: s.write, every: every, quit: make(chan struct{})}
	for range clients {
		l.wg.Go(l.client)
	}
	return l
}

// finish lets each client bring its last batch to an end.
func (l *load) finish() {
	close(l.quit)
	l.wg.Wait()
}

func (l *load) client() {
	c := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer c.CloseIdleConnections()
	pace := time.NewTicker(l.every)
	defer pace.Stop()
	type batch struct {
		number uint32
		body   []byte
	}
	var recent []batch
	for {
		select {
		case <-l.quit:
			return
		case <-pace.C:
		}
		n := 1 + rand.IntN(mostEvents)
		b := batch{number: l.begin(n)}
		b.body = body(b.number, n)
		for tries := 0; !l.post(c, b.number, b.body) && tries < 50 && rand.IntN(12) > 0; tries++ {
			<-pace.C
		}
		if recent = append(recent, b); len(recent) > 100 {
			recent = recent[1:]
		}
		if rand.IntN(8) == 0 {
			// Some seconds and crashes ago: what remembers the ids must have come back with the rows.
			again := recent[rand.IntN(len(recent))]
			l.post(c, again.number, again.body)
		}
	}
}

// post tells whether the batch was acknowledged. A few requests are cut off on their way.
func (l *load) post(c *http.Client, number uint32, body []byte) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cut := rand.IntN(32) == 0
	if cut {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, time.Duration(rand.IntN(3000))*time.Microsecond)
		defer stop()
	}
	if err := exchange(ctx, c, l.url, l.key, body); err != nil {
		l.failed(cut && ctx.Err() != nil)
		return false
	}
	l.ack(number)
	return true
}

// exchange posts a body and wants it acknowledged.
func exchange(ctx context.Context, c *http.Client, url, key string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.GetBody = nil // or Go would send it again by itself when a kept connection was closed, and nobody would know
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", resp.StatusCode, answer)
	}
	return err
}
