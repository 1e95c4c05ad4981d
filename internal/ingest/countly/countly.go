// Package countly reads what Countly's SDKs send to /i: the parameters of a request in its query or in a form, some of
// them JSON, with everything that has happened to one device.
//
// A request brings several things at once: the begin of a session, another id of the device, details of the user, events.
// Each becomes an event. An id that the app has chosen is the user's; one that the SDK has made is anonymous.
package countly

import (
	"encoding/json"
	"net/http"
	"regexp"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol, ingest.Getter and ingest.Refuser.
type Protocol struct{}

const (
	path     = "/i"
	bulkPath = "/i/bulk"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "countly" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{path, bulkPath} }

// GetPaths implements ingest.Getter.
func (Protocol) GetPaths() []string { return []string{path, bulkPath} }

// Envelope implements ingest.Protocol: a dead letter holds the parameters of a request with one event.
func (Protocol) Envelope(event []byte) []byte { return event }

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	common, err := read(r, s)
	if common == nil {
		return err
	}
	if r.Key == "" {
		r.Key = common["app_key"]
	}
	list, bulk := common["requests"]
	if !bulk {
		newDecoder(r, s, common).request()
		return nil
	}
	v, err := r.ParseInner([]byte(list))
	if err != nil {
		return err
	}
	requests := v.GetArray()
	if len(requests) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d requests in one, the limit is %d", len(requests), r.Limits.Batch)
	}
	delete(common, "requests")
	for _, one := range requests {
		if !s.Sound(one) {
			continue
		}
		o, err := one.Object()
		if err != nil {
			s.Dead("not_object", "the request is no JSON object", ingest.AppendJSON(nil, one))
			continue
		}
		p := params{}
		for name, value := range common {
			p[name] = value
		}
		p.add(o)
		if r.Key == "" {
			r.Key = p["app_key"]
		}
		newDecoder(r, s, p).request()
	}
	return nil
}

// params are the parameters of a request; what is no text is the JSON of it.
type params map[string]string

func (p params) add(o *jsontree.Object) {
	o.Visit(func(key []byte, v *jsontree.Value) {
		if text, err := v.StringBytes(); err == nil {
			p[string(key)] = string(text)
		} else if v.Type() != jsontree.TypeNull {
			p[string(key)] = string(v.MarshalTo(nil))
		}
	})
}

// read gathers the parameters of the query and of the body; nil when there is nothing more to do.
func read(r *ingest.Request, s *ingest.Sink) (params, error) {
	p := params{}
	for name, values := range r.Query {
		p[name] = values[0]
	}
	if len(r.Body) == 0 {
		return p, nil
	}
	if form, ok := r.Form(); ok {
		for name, values := range form {
			p[name] = values[0]
		}
		return p, nil
	}
	v, err := r.JSON()
	if err != nil || !s.Sound(v) {
		return nil, err
	}
	o, err := v.Object()
	if err != nil {
		return nil, event.Errorf(event.Invalid, "not_object", "the body is a JSON %s, neither a form nor an object", v.Type())
	}
	p.add(o)
	return p, nil
}

// callback is a name that a script may be called by.
var callback = regexp.MustCompile(`^[A-Za-z_$][\w$.]{0,99}$`)

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, _ *ingest.Sink) {
	answer(w, r, http.StatusOK, "Success")
}

// Refuse implements ingest.Refuser. SDKs keep a request until the answer is 2xx with a result and send nothing else
// meanwhile, so what will never be taken has to be answered like what was.
func (Protocol) Refuse(w http.ResponseWriter, r *ingest.Request, e *event.Error) {
	ingest.RetryAfter(w, e)
	status := e.Kind.Status()
	if e.Kind == event.Invalid || e.Kind == event.TooLarge {
		status = http.StatusOK
	}
	answer(w, r, status, "Refused: "+e.Code+": "+e.Message)
}

func answer(w http.ResponseWriter, r *ingest.Request, status int, result string) {
	body, err := json.Marshal(map[string]string{"result": result})
	if err != nil {
		body = []byte(`{"result":""}`)
	}
	kind := "application/json"
	if name := r.Query.Get("callback"); callback.MatchString(name) {
		kind, body = "text/javascript", []byte(name+"("+string(body)+")")
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Remote answers what SDKs ask for beside sending events: there is no remote configuration.
type Remote struct{}

// Register adds the routes to a mux, each also behind the protocol's name.
func (Remote) Register(mux *http.ServeMux) {
	for _, path := range []string{"/o/sdk", "/" + Protocol{}.Name() + "/o/sdk"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
				ingest.AllowOrigin(w, r)
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte("{}"))
			})
		}
		mux.HandleFunc(http.MethodOptions+" "+path, ingest.Preflight)
	}
}
