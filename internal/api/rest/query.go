package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 60 * time.Second
)

// QueryParameters are how a question is asked. They are exported because huma does not look into what is not.
type QueryParameters struct {
	WaitParameters
	Format      string `query:"format" enum:"json,csv,parquet" doc:"csv and parquet have the answer as a table. Without it Accept decides, and otherwise it is json." example:"csv"`
	Accept      string `header:"Accept" doc:"application/json, text/csv, application/vnd.apache.parquet or text/event-stream."`
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of an answer at hand: 304 tells that it still holds."`
}

func (a *API) registerQuery() {
	handle(a, huma.Operation{
		OperationID: "query", Method: http.MethodPost, Path: "/v1/query", Tags: []string{"questions"},
		Summary: "Ask a question",
		Description: "The field `kind` says what is asked for: numbers over time (trends), who comes from step to step (funnel), who comes back (retention), who is new or " +
			"stays away (lifecycle), how often people come (stickiness), which ways they take (paths), and their sessions. " +
			"With Accept: text/event-stream the progress is told while the answer is worked out, which ends when the client leaves. " +
			"The answer counts every event before its watermark, and repeats the question with every default filled in. " +
			"An answer is kept as long as nothing about the project changed; then it is as true as a new one.",
		Responses: a.replies(), Errors: []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
	}, read, a.query)
	a.documentQuestion("/v1/query", examples())
}

// replies documents an answer of any kind.
func (a *API) replies() map[string]*huma.Response {
	text := &huma.Schema{Type: huma.TypeString}
	out := answers("The answer.", a.mediaTypes())
	out["200"].Headers = map[string]*huma.Header{
		"ETag":             {Description: "Names the question and the version of the data it was answered on.", Schema: text},
		"Freshet-Cache":    {Description: "hit or miss.", Schema: text},
		"Freshet-Position": {Description: "Of a table: the position up to which it is complete.", Schema: text},
	}
	out["304"] = &huma.Response{Description: "The answer at hand still holds."}
	return out
}

// answered is an answer without what differs from one time it is given to the next.
type answered struct {
	body      []byte
	watermark store.Watermark
	cached    bool
}

func (a *API) query(ctx context.Context, c *call, in *QueryParameters) (*huma.StreamResponse, error) {
	data, err := content(c)
	if err != nil {
		return nil, err
	}
	return a.reply(ctx, c, in, data)
}

// reply answers a question.
func (a *API) reply(ctx context.Context, c *call, in *QueryParameters, data []byte) (*huma.StreamResponse, error) {
	began := a.opts.Now()
	timeout, err := in.timeout()
	if err != nil {
		return nil, err
	}
	format := in.format()
	head := c.w.Header()
	head.Set("Vary", "Accept")
	if format == asEvents {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			a.tell(hc.Context(), c, func(ctx context.Context) ([]byte, error) { return a.whole(ctx, c.scope(), in, data, timeout) })
		}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	wanted, err := a.wanted(ctx, c.scope(), in, data)
	if err != nil {
		return nil, err
	}
	tag := etag(wanted.key, format)
	head.Set("ETag", tag)
	head.Set("Cache-Control", "private, no-cache")
	if matches(in.IfNoneMatch, tag) {
		return &huma.StreamResponse{Body: func(hc huma.Context) { hc.SetStatus(http.StatusNotModified) }}, nil
	}
	answer, err := a.answer(ctx, wanted)
	if err != nil {
		head.Del("ETag")
		return nil, err
	}
	if format != asJSON {
		file, err := answer.file(format)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(huma.Context) { answer.send(c.w, format, file, began) }}, nil
	}
	return &huma.StreamResponse{Body: func(huma.Context) { answer.write(c.w, a.opts.Now().Sub(began)) }}, nil
}

// whole is the answer to a question in one piece.
func (a *API) whole(ctx context.Context, s query.Scope, in *QueryParameters, data []byte, timeout time.Duration) ([]byte, error) {
	began := a.opts.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	w, err := a.wanted(ctx, s, in, data)
	if err != nil {
		return nil, err
	}
	answer, err := a.answer(ctx, w)
	if err != nil {
		return nil, err
	}
	return slices.Concat(answer.body, answer.tail(a.opts.Now().Sub(began))), nil
}

// wanted is a question with all that its answer depends on.
type wanted struct {
	query.Asked
	scope     query.Scope
	version   uint64
	watermark store.Watermark
	key       string
}

// wanted waits until what the question is to count can be seen, and reads the question.
func (a *API) wanted(ctx context.Context, s query.Scope, in *QueryParameters, data []byte) (*wanted, error) {
	if err := a.visible(ctx, s.Project, &in.WaitParameters); err != nil {
		return nil, err
	}
	asked, err := a.question(data, s)
	if err != nil {
		return nil, err
	}
	w := &wanted{Asked: asked, scope: s}
	w.version, w.watermark = a.opts.Engine.Version(s.Project)
	w.key = cacheKey(s, w.version, asked.Key())
	if fault.Planted(fault.AnyVersion) {
		w.key = cacheKey(s, 0, asked.Key())
	}
	return w, nil
}

// answer finds the answer in the cache, or works it out together with whoever asks the same at the moment.
func (a *API) answer(ctx context.Context, w *wanted) (*answered, error) {
	if b, ok := a.opts.Cache.Get(ctx, w.key); ok {
		// The version is the same, so nothing about the project changed up to the present watermark.
		return &answered{b, w.watermark, true}, nil
	}
	return shared(ctx, a, w.scope, w.key, w.version, func(ctx context.Context) (*answered, error) {
		answer, err := w.Ask(ctx, a.opts.Engine, w.scope)
		if err != nil {
			return nil, err
		}
		b, err := constant(answer)
		if err != nil {
			return nil, err
		}
		return &answered{b, answer.At(), false}, nil
	}, form[*answered]{
		func(d *answered) []byte { return d.body },
		func(b []byte) *answered { return &answered{b, w.watermark, true} },
	})
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

// state tells whether the answer was kept.
func (d *answered) state(head http.Header) {
	state := "miss"
	if d.cached {
		state = "hit"
	}
	head.Set("Freshet-Cache", state)
}

func (d *answered) write(w http.ResponseWriter, took time.Duration) {
	head := w.Header()
	head.Set("Content-Type", "application/json")
	d.state(head)
	tail := d.tail(took)
	head.Set("Content-Length", strconv.Itoa(len(d.body)+len(tail)+1))
	if _, err := w.Write(d.body); err == nil {
		_, _ = w.Write(append(tail, '\n'))
	}
}

// tail is the end of the answer's JSON.
func (d *answered) tail(took time.Duration) []byte {
	tail := d.watermark.AppendJSON(append(make([]byte, 0, 160), `,"watermark":`...))
	tail = append(tail, `,"cached":`...)
	tail = strconv.AppendBool(tail, d.cached)
	tail = append(tail, `,"took_ms":`...)
	tail = strconv.AppendFloat(tail, milliseconds(took), 'f', -1, 64)
	return append(tail, '}')
}

// cacheKey holds all that an answer depends on.
func cacheKey(s query.Scope, version uint64, question string) string {
	return fmt.Sprintf("%d|%s|%d|%d|%d|%s", s.Project, s.Zone, s.WeekStart, s.SessionGap, version, question)
}

// etag is weak, because two answers with it differ in how long they took.
func etag(key, format string) string {
	if format != asJSON {
		key += "|" + format
	}
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
