package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 60 * time.Second
)

type queryParameters struct {
	ProjectParameter
	ConsistentWith uint64 `query:"consistent_with" doc:"Wait until everything before this position is counted, within the timeout." example:"1234"`
	Timeout        string `query:"timeout" maxLength:"16" default:"10s" doc:"How long the answer may take, 1s to 60s." example:"10s"`
	IfNoneMatch    string `header:"If-None-Match" doc:"The ETag of an answer at hand: 304 tells that it still holds."`
}

func (a *API) registerQuery() {
	text := &huma.Schema{Type: huma.TypeString}
	responses := answers("The answer.", map[string]*huma.MediaType{
		"application/json": {Schema: a.anyKind(func(k kind) reflect.Type { return k.answer })},
	})
	responses["200"].Headers = map[string]*huma.Header{
		"ETag":          {Description: "Names the question and the version of the data it was answered on.", Schema: text},
		"Freshet-Cache": {Description: "hit or miss.", Schema: text},
	}
	responses["304"] = &huma.Response{Description: "The answer at hand still holds."}
	handle(a, huma.Operation{
		OperationID: "query", Method: http.MethodPost, Path: "/v1/query", Tags: []string{"questions"},
		Summary: "Ask a question",
		Description: "The field `kind` says what is asked for: numbers over time (trends), who comes from step to step (funnel), who comes back (retention), who is new or " +
			"stays away (lifecycle), how often people come (stickiness), which ways they take (paths), and their sessions. " +
			"The answer counts every event before its watermark, and repeats the question with every default filled in. " +
			"An answer is kept as long as nothing about the project changed; then it is as true as a new one.",
		Responses: responses, Errors: []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
	}, read, a.query)
	a.documentQuestion("/v1/query", examples())
}

// answered is an answer without what differs from one time it is given to the next.
type answered struct {
	body      []byte
	watermark store.Watermark
	cached    bool
}

func (a *API) query(ctx context.Context, c *call, in *queryParameters) (*huma.StreamResponse, error) {
	began := a.opts.Now()
	timeout, err := time.ParseDuration(in.Timeout)
	if err != nil || timeout < time.Second || timeout > maxTimeout {
		return nil, invalid("bad_timeout", "timeout", "timeout %q is no duration from 1s to %s", in.Timeout, maxTimeout)
	}
	data, err := content(c)
	if err != nil {
		return nil, err
	}
	scope := c.scope()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if in.ConsistentWith > 0 {
		if err := a.opts.Engine.Wait(ctx, eventlog.Position(in.ConsistentWith)); err != nil {
			return nil, err
		}
	}
	resolved, err := a.question(data, scope)
	if err != nil {
		return nil, err
	}
	version, watermark := a.opts.Engine.Version(scope.Project)
	key := cacheKey(scope, version, resolved.Key())
	tag := etag(key)
	head := c.w.Header()
	head.Set("ETag", tag)
	head.Set("Cache-Control", "private, no-cache")
	if matches(in.IfNoneMatch, tag) {
		return &huma.StreamResponse{Body: func(hc huma.Context) { hc.SetStatus(http.StatusNotModified) }}, nil
	}
	answer, err := a.answer(ctx, scope, resolved, key, version, watermark)
	if err != nil {
		head.Del("ETag")
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) { answer.write(c.w, a.opts.Now().Sub(began)) }}, nil
}

// answer finds the answer in the cache, or works it out together with whoever asks the same at the moment.
func (a *API) answer(
	ctx context.Context, s query.Scope, r query.Asked, key string, version uint64, w store.Watermark,
) (*answered, error) {
	if b, ok := a.opts.Cache.Get(key); ok {
		// The version is the same, so nothing about the project changed up to the present watermark.
		return &answered{b, w, true}, nil
	}
	v, err := a.flights.do(ctx, key, func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithTimeout(ctx, maxTimeout)
		defer cancel()
		answer, err := r.Ask(ctx, a.opts.Engine, s)
		if err != nil {
			return nil, err
		}
		b, err := constant(answer)
		if err != nil {
			return nil, err
		}
		// An answer on newer data than the key says would be taken for one at an older watermark.
		if now, _ := a.opts.Engine.Version(s.Project); now == version {
			a.opts.Cache.Set(key, b)
		}
		return &answered{b, answer.At(), false}, nil
	})
	if ctx.Err() == context.DeadlineExceeded && err != nil {
		return nil, &event.Error{Kind: event.Timeout, Code: "query_timeout", Message: "the answer took longer than the timeout allows; ask for less at a time"}
	}
	if err != nil {
		return nil, err
	}
	return v.(*answered), nil
}

// constant is an answer's JSON, open at the end, without the fields that write adds, which are its last ones.
func constant(answer query.Answered) ([]byte, error) {
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	end := bytes.LastIndex(b, []byte(`,"watermark":{"position":`))
	if end < 0 {
		return nil, fmt.Errorf("write the answer: a %T does not end with its watermark", answer)
	}
	return b[:end], nil
}

func (d *answered) write(w http.ResponseWriter, took time.Duration) {
	head := w.Header()
	head.Set("Content-Type", "application/json")
	state := "miss"
	if d.cached {
		state = "hit"
	}
	head.Set("Freshet-Cache", state)
	tail := append(make([]byte, 0, 160), `,"watermark":{"position":`...)
	tail = strconv.AppendUint(tail, uint64(d.watermark.Position), 10)
	tail = append(tail, `,"time":"`...)
	tail = d.watermark.Time.AppendFormat(tail, time.RFC3339Nano)
	tail = append(tail, `"},"cached":`...)
	tail = strconv.AppendBool(tail, d.cached)
	tail = append(tail, `,"took_ms":`...)
	tail = strconv.AppendFloat(tail, milliseconds(took), 'f', -1, 64)
	tail = append(tail, "}\n"...)
	head.Set("Content-Length", strconv.Itoa(len(d.body)+len(tail)))
	if _, err := w.Write(d.body); err == nil {
		_, _ = w.Write(tail)
	}
}

// cacheKey holds all that an answer depends on.
func cacheKey(s query.Scope, version uint64, question string) string {
	return fmt.Sprintf("%d|%s|%d|%d|%d|%s", s.Project, s.Zone, s.WeekStart, s.SessionGap, version, question)
}

// etag is weak, because two answers with it differ in how long they took.
func etag(key string) string {
	sum := xxh3.HashString128(key)
	return fmt.Sprintf(`W/"%016x%016x"`, sum.Hi, sum.Lo)
}

func matches(header, tag string) bool {
	if header == "" {
		return false
	}
	return slices.ContainsFunc(strings.Split(header, ","), func(s string) bool {
		return strings.TrimPrefix(strings.TrimSpace(s), "W/") == tag[len("W/"):]
	})
}
