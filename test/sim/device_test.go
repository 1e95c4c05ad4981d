package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"
)

const (
	// enough is how many events a device makes at least.
	enough = 30
	// patience is how long a run may take: what is not done by then never will be.
	patience = 4 * time.Hour
)

// sample is an event as it happened.
type sample struct {
	id, body string
	// at is when, by a right clock; raw what the device's clock said, in milliseconds.
	at, raw int64
	// bad tells that it cannot be read, poison that it cannot be processed.
	bad, poison bool
}

// device is a phone with an SDK: it makes events, keeps them while it is offline, and sends each until it is answered
// with a 200.
type device struct {
	world *world
	rng   *rand.Rand
	name  string
	user  string
	// skew is what its clock is ahead, in milliseconds.
	skew    int64
	events  []sample
	waiting []sample
}

func newDevice(w *world, n int) *device {
	d := &device{world: w, rng: rand.New(rand.NewPCG(w.seed, uint64(100+n))), name: fmt.Sprint("d", n)}
	if d.rng.IntN(3) > 0 {
		d.user = fmt.Sprint("u", d.rng.IntN(3))
	}
	if d.rng.IntN(2) == 0 {
		const year = 365 * 86_400_000
		d.skew = d.rng.Int64N(20*year) - 10*year
		if d.skew > -120_000 && d.skew < 120_000 {
			d.skew = 120_000
		}
	}
	return d
}

// person is whose events those of the device are.
func (d *device) person() string {
	if d.user != "" {
		return d.user
	}
	return d.name
}

func (d *device) wait(most time.Duration) {
	pass(time.Duration(d.rng.Int64N(int64(most))) + time.Nanosecond*time.Duration(d.rng.IntN(1000)))
}

// live makes events for a while, and goes on until all of them are acknowledged.
func (d *device) live() {
	identified := d.rng.IntN(4)
	began := time.Now()
	for made := 0; (made < enough || len(d.waiting) > 0) && time.Since(began) < patience; {
		if made < enough {
			for range 1 + d.rng.IntN(4) {
				d.make(made, made >= identified)
				made++
			}
		}
		d.wait(5 * time.Second)
		if d.rng.IntN(4) > 0 || made >= enough {
			d.send()
		}
	}
}

func (d *device) make(n int, identified bool) {
	now := time.Now().UnixMilli()
	s := sample{id: fmt.Sprint(d.name, "-", n), at: now, raw: now + d.skew}
	name, kind, user := "opened", "track", ""
	if identified {
		user = d.user
	}
	switch k := d.rng.IntN(25); {
	case user != "" && (k < 3 || n >= enough-1): // Sooner or later every user is known.
		kind = "identify"
	case k == 3:
		s.bad, kind = true, "nonsense"
	case k == 4:
		s.poison, name = true, "boom"
	}
	s.body = fmt.Sprintf(`{"kind":%q,"event":%q,"id":%q,"anonymous_id":"a-%s","user_id":%q,"timestamp":%d,"context":{"device":{"id":%q}}`,
		kind, name, s.id, d.name, user, s.raw, d.name)
	d.events, d.waiting = append(d.events, s), append(d.waiting, s)
}

// send sends some of what is waiting, mostly the oldest.
func (d *device) send() {
	from := 0
	if d.rng.IntN(4) == 0 {
		from = d.rng.IntN(len(d.waiting) + 1)
	}
	batch := d.waiting[from:min(from+1+d.rng.IntN(8), len(d.waiting))]
	if len(batch) == 0 {
		return
	}
	var body bytes.Buffer
	sent := time.Now().UnixMilli() + d.skew
	for i, s := range batch {
		body.WriteByte("[,"[min(i, 1)])
		fmt.Fprintf(&body, `%s,"sent_at":%d}`, s.body, sent)
	}
	body.WriteByte(']')
	if d.transfer(body.Bytes()) {
		d.world.acknowledged(batch)
		d.waiting = append(d.waiting[:from:from], d.waiting[from+len(batch):]...)
		return
	}
	d.wait(4 * time.Second)
}

// transfer is one request over a bad network; it tells whether a 200 came back.
func (d *device) transfer(body []byte) bool {
	d.wait(500 * time.Millisecond)
	switch d.rng.IntN(20) {
	case 0: // The request is lost.
		d.wait(5 * time.Second)
		return false
	case 1: // It comes again, later.
		again := rand.New(rand.NewPCG(d.rng.Uint64(), 1))
		d.world.work.Go(func() {
			pass(time.Duration(again.Int64N(int64(30 * time.Second))))
			d.world.serve(body)
		})
	}
	status := d.world.serve(body)
	if d.rng.IntN(15) == 0 { // The answer is lost.
		d.wait(5 * time.Second)
		return false
	}
	return status == http.StatusOK
}

// serve is one request at the server, if there is one; 0 is no answer.
func (w *world) serve(body []byte) int {
	l := w.life.Load()
	if l == nil {
		return 0
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/events", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer key")
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	l.mux.ServeHTTP(answer, r)
	if l.mount.dead.Load() {
		return 0
	}
	w.note("answer ", answer.Code)
	return answer.Code
}
