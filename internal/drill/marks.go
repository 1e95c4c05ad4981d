package drill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/app"
	"github.com/freshet/freshet/internal/client"
)

const (
	// markEvery is the pause between two batches of markBatch events.
	markEvery = 2 * time.Millisecond
	markBatch = 20
	// takenWithin bounds how long a batch may be refused by a server that is well.
	takenWithin = time.Minute
)

// marks are events of the drill's own, by whose ids it finds them again. They behave as an app's: what is not acknowledged is
// sent again, and some of what is, too.
type marks struct {
	guest   app.Guest
	batches []*markedBatch
}

type markedBatch struct {
	body  []byte
	acked bool
}

func (m *marks) id(n int) string { return "drill-" + strconv.Itoa(n) }

// next is a batch that was never sent.
func (m *marks) next() *markedBatch {
	var body bytes.Buffer
	for i := range markBatch {
		n := len(m.batches)*markBatch + i
		fmt.Fprintf(&body, "{\"event\":\"drill\",\"id\":%q,\"user_id\":\"u%d\",\"properties\":{\"n\":%d}}\n", m.id(n), n%97, n)
	}
	b := &markedBatch{body: body.Bytes()}
	m.batches = append(m.batches, b)
	return b
}

// events is how many there are, each counted once.
func (m *marks) events() int64 { return int64(len(m.batches) * markBatch) }

// acked is how many were acknowledged.
func (m *marks) acked() (n int64) {
	for _, b := range m.batches {
		if b.acked {
			n += markBatch
		}
	}
	return n
}

func (m *marks) client(s *server) (*client.Client, error) {
	return client.New(s.url(), m.guest.Write, 1)
}

func (b *markedBatch) send(ctx context.Context, c *client.Client) error {
	resp, err := c.Do(ctx, client.Request{Method: http.MethodPost, Path: "/v1/events", Body: b.body})
	if err != nil {
		return err
	}
	b.acked = true
	return resp.Body.Close()
}

// load sends until stop is closed: first what is open and one batch that is not, then new ones. Refusals are no reason to end.
// tell hears how each went.
func (m *marks) load(ctx context.Context, s *server, stop <-chan struct{}, tell func(error)) error {
	c, err := m.client(s)
	if err != nil {
		return err
	}
	defer c.Close()
	var again []*markedBatch
	for _, b := range m.batches {
		if !b.acked {
			again = append(again, b)
		}
	}
	if n := len(m.batches); n > 0 {
		again = append(again, m.batches[n/2])
	}
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var b *markedBatch
		if len(again) > 0 {
			b, again = again[0], again[1:]
		} else {
			b = m.next()
		}
		tell(b.send(ctx, c))
	}
}

// settle sends batches until each was acknowledged by this server: those that are open, or all.
func (m *marks) settle(ctx context.Context, s *server, all bool) error {
	c, err := m.client(s)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, b := range m.batches {
		if b.acked && !all {
			continue
		}
		var last error
		err := s.poll(ctx, takenWithin, "an event was not taken", func() bool {
			last = b.send(ctx, c)
			return last == nil
		})
		if err != nil {
			return errors.Join(err, last)
		}
	}
	return nil
}

// missing says what is wrong with the events that a server has: one that was acknowledged is not there, or one is there twice.
func (m *marks) missing(ctx context.Context, s *server) (string, error) {
	c, err := client.New(s.url(), m.guest.Read, 1)
	if err != nil {
		return "", err
	}
	defer c.Close()
	resp, err := c.Do(ctx, client.Request{Method: http.MethodGet, Path: "/v1/export", Query: url.Values{"project": {strconv.FormatUint(uint64(m.guest.Project), 10)}}})
	if err != nil {
		return "", fmt.Errorf("export what was sent: %w", err)
	}
	defer resp.Body.Close()
	seen := map[string]bool{}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ ID string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return "", fmt.Errorf("export what was sent: %w", err)
		}
		if seen[e.ID] {
			return e.ID + " is there twice", nil
		}
		seen[e.ID] = true
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("export what was sent: %w", err)
	}
	for n := range m.batches {
		for i := range markBatch {
			if id := m.id(n*markBatch + i); m.batches[n].acked && !seen[id] {
				return id + " was acknowledged and is not there", nil
			}
		}
	}
	return "", nil
}
