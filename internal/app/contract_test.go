package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/server"
	"github.com/freshet/freshet/internal/store"
)

// The keys of the contract's world.
const (
	goodKey    = "A-SH-1234567890"
	unknownKey = "A-SH-0000000000"
	// lostKey is one of which the control plane cannot tell at the moment whether it is good.
	lostKey = "A-SH-5555555555"
)

// contractKeys resolves them.
type contractKeys struct{}

// WriteKey implements ingest.Keys.
func (contractKeys) WriteKey(_ context.Context, key string) (store.ProjectID, error) {
	switch key {
	case goodKey:
		return 1, nil
	case lostKey:
		return 0, event.Errorf(event.Unavailable, "control_plane", "keys cannot be looked up at the moment")
	}
	return 0, event.Errorf(event.Unauthorized, "unknown_key", "there is no such key")
}

// contractLog is a log that takes everything, or fails.
type contractLog struct {
	err    error
	events int
}

// Append implements eventlog.Log.
func (l *contractLog) Append(_ context.Context, r eventlog.Record) (eventlog.Position, error) {
	if l.err != nil {
		return 0, l.err
	}
	l.events += r.Events
	return eventlog.Position(l.events - r.Events), nil
}

// Subscribe implements eventlog.Log.
func (*contractLog) Subscribe(eventlog.Position) (eventlog.Subscription, error) {
	return nil, eventlog.ErrClosed
}

// Bounds implements eventlog.Log.
func (l *contractLog) Bounds() (start, end eventlog.Position) { return 0, eventlog.Position(l.events) }

// Trim implements eventlog.Log.
func (*contractLog) Trim(eventlog.Position) error { return nil }

// contractDoor is the door with all wire formats on a log, and with limits for one request.
func contractDoor(l eventlog.Log, change func(*ingest.Limits)) http.Handler {
	o := ingest.Options{
		Log: l, Keys: contractKeys{}, Limits: ingest.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		Tracer: noop.NewTracerProvider().Tracer(""), Metrics: prometheus.NewRegistry(), Now: time.Now,
	}
	if change != nil {
		change(&o.Limits)
	}
	mux := http.NewServeMux()
	door := ingest.New(o)
	for _, p := range protocols() {
		door.Register(mux, p)
	}
	return mux
}

// TestContract asks for each answer of the table that an SDK may get, in each format. A condition that may pass is never
// a 4xx but 429, says when to come again, and is never what the SDK takes for success.
func TestContract(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range contracts() {
		tested[c.protocol] = true
		t.Run(c.protocol+" "+c.form, func(t *testing.T) {
			for _, s := range situations(c) {
				w := httptest.NewRecorder()
				log := &contractLog{err: s.log}
				contractDoor(log, s.limits).ServeHTTP(w, c.call(s.key, s.events...).request())
				checkTold(t, s.name, w.Result(), s.want, s.passing, c.impatient)
				if log.events != s.taken {
					t.Errorf("%s: %d events in the log, want %d", s.name, log.events, s.taken)
				}
			}
		})
	}
	for _, p := range protocols() {
		if !tested[p.Name()] {
			t.Errorf("nothing is said of what %s answers; contracts_test.go has the others", p.Name())
		}
	}
}

// situation is a request and what must come of it.
type situation struct {
	name   string
	key    string
	events []string
	log    error
	limits func(*ingest.Limits)
	want   told
	// passing tells that it may be better later; taken is the number of events that are in the log then.
	passing bool
	taken   int
}

func situations(c contract) []situation {
	full := event.Errorf(event.Unavailable, "disk_full", "the disk of the event log is full")
	full.Wait = time.Minute
	list := []situation{
		{name: "accepted", key: goodKey, events: []string{c.good}, want: c.accepted, taken: 1},
		{name: "all bad", key: goodKey, events: []string{c.bad}, want: c.allBad, taken: 1},
		{name: "unknown key", key: unknownKey, events: []string{c.good}, want: c.unknownKey},
		{name: "key not to be looked up", key: lostKey, events: []string{c.good}, want: c.unavailable, passing: true},
		{name: "overload", key: goodKey, events: []string{c.good}, want: c.overload, passing: true, limits: func(l *ingest.Limits) { l.InFlight = 1 }},
		{name: "disk full", key: goodKey, events: []string{c.good}, log: full, want: c.unavailable, passing: true},
		{name: "slow disk", key: goodKey, events: []string{c.good}, log: context.DeadlineExceeded, want: c.unavailable, passing: true},
		{name: "a fault nobody planned for", key: goodKey, events: []string{c.good}, log: io.ErrUnexpectedEOF, want: c.unavailable, passing: true},
	}
	if !c.single {
		list = append(list,
			situation{name: "one bad event", key: goodKey, events: []string{c.good, c.bad, c.good}, want: c.oneBad, taken: 3})
	}
	if c.taken > 1 {
		for i := range list {
			if list[i].taken > 0 {
				list[i].taken += (c.taken - 1) * strings.Count(strings.Join(list[i].events, "\n")+"\n", c.good+"\n")
			}
		}
	}
	return list
}

// checkTold compares an answer with what an SDK must be told.
func checkTold(t *testing.T, name string, r *http.Response, want told, passing, impatient bool) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?s)^` + want.body + `$`).Match(body) {
		t.Errorf("%s: the answer is %.300q, want %s", name, body, want.body)
	}
	if r.StatusCode != want.status {
		t.Errorf("%s: status %d, want %d", name, r.StatusCode, want.status)
	}
	after := r.Header.Get("Retry-After")
	seconds, err := strconv.Atoi(after)
	switch {
	case passing && !impatient && (err != nil || seconds < 60 || seconds > 30*60):
		t.Errorf("%s: Retry-After %q", name, after)
	case impatient && after != "":
		t.Errorf("%s: Retry-After %q makes these SDKs drop what they have", name, after)
	case passing && r.StatusCode < 500 && r.StatusCode != http.StatusTooManyRequests:
		t.Errorf("%s: status %d for what may pass", name, r.StatusCode)
	case !passing && after != "":
		t.Errorf("%s: Retry-After %q for what does not pass", name, after)
	}
}

// TestContractStartAndStop asks a server that is starting, and one that stops while a request is on its way: the first
// refuses for a while, the second takes what has begun.
func TestContractStartAndStop(t *testing.T) {
	for _, c := range contracts() {
		t.Run(c.protocol+" "+c.form, func(t *testing.T) {
			s := server.New(server.Options{Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context(), l, nil); err != nil {
				t.Fatal(err)
			}
			call := c.call(goodKey, c.good)
			call.url = "http://" + l.Addr().String() + call.url
			r, err := http.DefaultClient.Do(call.request())
			if err != nil {
				t.Fatal(err)
			}
			checkTold(t, "starting", r, told{http.StatusServiceUnavailable, `\{.*"starting".*\}\s*`}, true, false)

			log := &contractLog{}
			held := make(chan struct{})
			inside := make(chan struct{})
			door := contractDoor(log, nil)
			s.SetHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(inside)
				<-held
				door.ServeHTTP(w, r)
			}))
			drained := make(chan error, 1)
			go func() {
				<-inside
				go func() { drained <- s.Drain(context.WithoutCancel(t.Context()), nil) }()
				// The port is closed as the first thing of a drain.
				for {
					conn, err := net.Dial("tcp", l.Addr().String())
					if err != nil {
						break
					}
					_ = conn.Close()
				}
				close(held)
			}()
			if r, err = http.DefaultClient.Do(call.request()); err != nil {
				t.Fatal(err)
			}
			checkTold(t, "draining", r, c.accepted, false, false)
			if err := <-drained; err != nil || log.events == 0 {
				t.Errorf("drained: %v, %d events", err, log.events)
			}
		})
	}
}

// told is what an SDK is told: a status, and a body that matches a pattern.
type told struct {
	status int
	body   string
}

// contract is what the SDKs of a format are told in each situation.
type contract struct {
	protocol, form string
	// call makes the request with which an SDK sends events; good and bad are two of them. A format without batches is
	// single. taken is how many events become of a good one, if more than one.
	call      func(key string, events ...string) call
	good, bad string
	single    bool
	taken     int
	// impatient tells that SDKs drop what they shall wait for longer than they would have tried.
	impatient bool

	accepted, oneBad, allBad, unknownKey, overload, unavailable told
}

// call is a request that can be made anew.
type call struct {
	method, url, body string
	header            []string
}

func (c call) request() *http.Request {
	r, err := http.NewRequest(c.method, c.url, strings.NewReader(c.body))
	if err != nil {
		panic(fmt.Sprintf("%s %s: %v", c.method, c.url, err))
	}
	for i := 0; i < len(c.header); i += 2 {
		r.Header.Set(c.header[i], c.header[i+1])
	}
	return r
}
