package posthog

import (
	"io"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Answer implements ingest.Protocol. The second version of capture reads what became of each event: one that can never be
// taken is dropped there, and one that is not named counts as delivered. The first reads the status only.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, s *ingest.Sink) {
	switch {
	case r.Path == eventsPath:
		writeJSON(w, results(r, s))
	case r.Query.Get("beacon") == "1":
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, []byte(`{"status":1}`))
	}
}

// results has a member for each event with an id, in the order of the batch.
func results(r *ingest.Request, s *ingest.Sink) []byte {
	out := []byte(`{"results":{`)
	v, err := payload(r)
	if err != nil {
		return append(out, "}}"...)
	}
	events, _ := unpack(v)
	first := true
	for i, e := range events {
		id := e.GetStringBytes("uuid")
		if len(id) == 0 || i >= len(s.Results) {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(event.AppendJSONString(out, string(id)), `:{"result":"`...)
		if code := s.Results[i].Code; code != "" {
			out = append(out, `drop","details":`...)
			out = append(event.AppendJSONString(out, code+": "+s.Results[i].Reason), '}')
			continue
		}
		out = append(out, `ok"}`...)
	}
	return append(out, "}}"...)
}

// Refuse implements ingest.Refuser. The browser SDK drops what is answered by 429 and sends again after 503, the others
// take both for the same.
func (Protocol) Refuse(w http.ResponseWriter, _ *ingest.Request, e *event.Error) {
	ingest.RetryAfter(w, e)
	status := e.Kind.Status()
	if e.Kind == event.Overloaded {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, e.Code+": "+e.Message+"\n")
}

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}
