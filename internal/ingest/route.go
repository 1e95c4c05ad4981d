package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/otel/attribute"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// route is who is asked about the requests of one method and path, and what is cut off the path.
type route struct {
	prefix    string
	protocols []Protocol
	// bodiless tells that a request without a body may have everything in its query.
	bodiless bool
}

// Register adds the protocol's routes to a mux, the same for all protocols: with and without a trailing slash, so that no
// POST is ever redirected, and each once more behind the protocol's name.
func (h *Handler) Register(mux *http.ServeMux, p Protocol) {
	h.protocols[p.Name()] = p
	var get []string
	g, ok := p.(Getter)
	if ok {
		get = g.GetPaths()
	}
	for _, prefix := range []string{"", "/" + p.Name()} {
		for _, path := range p.Paths() {
			h.route(mux, http.MethodPost, prefix, path, p, ok)
		}
		for _, path := range get {
			h.route(mux, http.MethodGet, prefix, path, p, true)
		}
	}
}

func (h *Handler) route(mux *http.ServeMux, method, prefix, path string, p Protocol, bodiless bool) {
	path = prefix + strings.TrimSuffix(path, "/")
	at := h.routes[method+path]
	if at != nil {
		if !slices.ContainsFunc(at.protocols, func(other Protocol) bool { return other.Name() == p.Name() }) {
			at.protocols = append(at.protocols, p)
		}
		at.bodiless = at.bodiless || bodiless
		return
	}
	at = &route{prefix: prefix, protocols: []Protocol{p}, bodiless: bodiless}
	h.routes[method+path] = at
	h.handle(mux, method, path, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, at) })
}

// Beside serves what a protocol's SDKs ask for beside sending events, such as their settings, in all the ways in which the
// protocol's own paths are served.
func (h *Handler) Beside(mux *http.ServeMux, protocol, method, path string, f http.HandlerFunc) {
	for _, prefix := range []string{"", "/" + protocol} {
		h.handle(mux, method, prefix+path, func(w http.ResponseWriter, r *http.Request) {
			AllowOrigin(w, r)
			f(w, r)
		})
	}
}

// handle adds a route, with and without a slash at its end, and the preflight of its path.
func (h *Handler) handle(mux *http.ServeMux, method, path string, f http.HandlerFunc) {
	both := func(method string, f http.HandlerFunc) {
		if path != "" {
			mux.HandleFunc(method+" "+path, f)
		}
		mux.HandleFunc(method+" "+path+"/{$}", f)
	}
	both(method, f)
	if !h.preflights[path] {
		h.preflights[path] = true
		both(http.MethodOptions, Preflight)
	}
}

// Preflight answers what browsers ask before they send to another origin.
func Preflight(w http.ResponseWriter, r *http.Request) {
	AllowOrigin(w, r)
	w.WriteHeader(http.StatusNoContent)
}

// complete tells that a request needs no body.
func (at *route) complete(r *http.Request) bool {
	if at.bodiless && r.URL.RawQuery != "" {
		return true
	}
	for _, p := range at.protocols {
		if h, ok := p.(Headed); ok && h.Headed(r.Header) {
			return true
		}
	}
	return false
}

// choose is the protocol that a request is for.
func (at *route) choose(r *Request) Protocol {
	last := at.protocols[len(at.protocols)-1]
	if len(at.protocols) == 1 {
		return last
	}
	var rest Protocol
	for _, p := range at.protocols {
		c, ok := p.(Claimer)
		if !ok {
			rest = p
		} else if c.Claims(r) {
			return p
		}
	}
	if rest != nil {
		return rest
	}
	return last
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, at *route) {
	began := h.opts.Now()
	ctx, span := h.opts.Tracer.Start(r.Context(), "ingest")
	defer span.End()
	AllowOrigin(w, r)
	sink := h.sinks.Get().(*Sink)
	defer func() {
		if sink != nil {
			h.sinks.Put(sink)
		}
	}()
	req := &Request{
		Method: r.Method, Path: pathOf(r, at.prefix), Header: r.Header, Key: headerKey(r), Limits: h.opts.Limits, sink: sink,
	}
	if r.URL.RawQuery != "" {
		req.Query, _ = url.ParseQuery(r.URL.RawQuery)
	}
	ip := clientIP(r, h.opts.Trusted)
	source := xxhash.Sum64String(ip)
	// What would be refused in the end is refused before its body is read, as far as the header tells.
	err := h.knock(ctx, req.Key, source)
	body, release := []byte(nil), func() {}
	if err == nil {
		body, release, err = h.read(r, at.complete(r))
	}
	defer release()
	req.ReceivedAt = h.opts.Now().UnixMicro()
	if err == nil {
		req.Body, req.Parser = body, h.parsers.Get().(*jsontree.Parser)
		if len(body) <= maxPooled {
			defer h.parsers.Put(req.Parser)
		}
	}
	p := at.choose(req)
	span.SetAttributes(attribute.String("protocol", p.Name()))
	if err == nil {
		sink.begin(h.opts.Limits, p.Name(), ip, r.UserAgent(), body)
		err = h.accept(ctx, p, req, sink, source)
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			sink = nil // the log may still read its buffer
			err = &event.Error{Kind: event.Unavailable, Code: "log_slow", Message: "the event log does not answer", Wait: time.Minute, Err: err}
		}
		if l, ok := errors.AsType[*limited](err); ok {
			l.set(w.Header())
		}
		h.refuse(ctx, w, req, p, err)
		return
	}
	h.metrics.accepted.WithLabelValues(p.Name()).Add(float64(sink.accepted + sink.beside))
	h.metrics.ack.WithLabelValues(p.Name()).Observe(h.opts.Now().Sub(began).Seconds())
	w.Header().Set(PositionHeader, strconv.FormatUint(uint64(sink.Position), 10))
	p.Answer(w, req, sink)
}

// knock asks the gate and about the project's quota and rate for a request of which only the header is known.
func (h *Handler) knock(ctx context.Context, key string, source uint64) error {
	crowded := h.gate.crowded()
	if !crowded && h.quota.idle() && h.projectRates.idle() {
		return nil
	}
	project := h.likely(ctx, key)
	if crowded {
		if err := h.gate.check(project, source); err != nil {
			return err
		}
	}
	if err := h.quota.check(project); err != nil {
		return err
	}
	return h.projectRates.check(uint64(project), h.projectRate(project))
}

// pathOf is the path that the protocol knows.
func pathOf(r *http.Request, prefix string) string {
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, prefix), "/")
	if path == "" {
		return "/"
	}
	return path
}
