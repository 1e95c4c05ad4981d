package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// statusEvery is the time between two messages that tell how the server is, and that it is still there.
const statusEvery = time.Second

// liveMessage is the data of "event: events".
type liveMessage struct {
	Events    []query.Event   `json:"events" doc:"The newest events, the newest first; at most 50."`
	Skipped   int             `json:"skipped" doc:"How many more arrived since the message before and are not shown."`
	Watermark store.Watermark `json:"watermark" doc:"The position before which every event is visible."`
}

func (a *API) registerLive() {
	stream := &huma.Schema{
		Type:        huma.TypeString,
		Description: "Server-sent events: `event: events` with a LiveMessage and `event: status` with a ServerStatus, as JSON in data.",
	}
	a.schema(reflect.TypeFor[liveMessage]())
	handle(a, huma.Operation{
		OperationID: "watch-events", Method: http.MethodGet, Path: "/v1/live", Tags: []string{"events"},
		Summary: "Watch events arrive",
		Description: "A stream of server-sent events: up to five times a second the events that became visible (50 at most, the rest is " +
			"counted as skipped), and each second how the server is. A client that is slow misses events rather than getting them late. " +
			"The stream ends when the server stops or the key is revoked.",
		Responses: answers("The stream.", map[string]*huma.MediaType{"text/event-stream": {Schema: stream}}),
		Errors:    []int{http.StatusTooManyRequests},
	}, read, a.watch)
}

func (a *API) watch(ctx context.Context, c *call, _ *ProjectParameter) (*huma.StreamResponse, error) {
	sub, err := a.live.join(ctx, c.scope())
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer a.live.leave(sub)
		a.stream(hc.Context(), c, sub)
	}}, nil
}

// stream writes until the client or the server has had enough.
func (a *API) stream(ctx context.Context, c *call, sub *subscriber) {
	head := c.w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("X-Accel-Buffering", "no") // proxies of the nginx family would collect the stream otherwise
	out := sse{w: c.w, control: http.NewResponseController(c.w)}
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	err := out.json("status", a.status(c))
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-sub.ended:
			return
		case p := <-sub.pushes:
			err = out.push(p, sub.missed.Swap(0))
		case <-tick.C:
			if _, refused := a.opts.Projects.Authenticate(c.secret); refused != nil {
				return
			}
			err = out.json("status", a.status(c))
		}
	}
}

// sse writes server-sent events.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte
}

func (s *sse) json(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	s.buf = append(append(append(append(s.buf[:0], "event: "...), name...), "\ndata: "...), b...)
	return s.send()
}

func (s *sse) push(p push, missed int64) error {
	s.buf = append(s.buf[:0], "event: events\nid: "...)
	s.buf = strconv.AppendUint(s.buf, uint64(p.watermark.Position), 10)
	s.buf = append(append(s.buf, "\ndata: {\"events\":"...), p.events...)
	s.buf = append(s.buf, `,"skipped":`...)
	s.buf = strconv.AppendInt(s.buf, p.skipped+missed, 10)
	s.buf = p.watermark.AppendJSON(append(s.buf, `,"watermark":`...))
	s.buf = append(s.buf, '}')
	return s.send()
}

func (s *sse) send() error {
	s.buf = append(s.buf, "\n\n"...)
	if _, err := s.w.Write(s.buf); err != nil {
		return err
	}
	return s.control.Flush()
}

func tooManyStreams(limit int) error {
	return &event.Error{
		Kind: event.Overloaded, Code: "too_many_streams", Wait: 10 * time.Second,
		Message: fmt.Sprintf("%d live streams are open, which is the limit", limit),
	}
}
