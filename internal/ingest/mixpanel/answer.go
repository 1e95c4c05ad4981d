package mixpanel

import (
	"net/http"
	"strconv"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// How SDKs read an answer: with verbose=1 as JSON whose "status" is 1, otherwise as the bare text 1; Node's looks at
// nothing else and never tries again. The browser's drops on 400, sends again on 429 and 5xx; Android's deletes what
// it has sent unless the status is an error, and waits only after a 5xx. So what may pass is a 5xx here, never a 429.

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, s *ingest.Sink) {
	switch o := optionsOf(r); {
	case o.counted:
		imported(w, s, o.strict)
	case o.verbose:
		write(w, http.StatusOK, []byte(`{"status":1,"error":null}`))
	default:
		plain(w, http.StatusOK, "1")
	}
}

// imported answers an import. The caller of a strict one wants to know of every event that was set aside; the others are
// in.
func imported(w http.ResponseWriter, s *ingest.Sink, strict bool) {
	var failed []byte
	taken := int64(0)
	for i, result := range s.Results {
		if result.Code == "" {
			taken++
			continue
		}
		if failed != nil {
			failed = append(failed, ',')
		}
		failed = strconv.AppendInt(append(failed, `{"index":`...), int64(i), 10)
		failed = event.AppendJSONString(append(failed, `,"field":`...), result.Code)
		failed = event.AppendJSONString(append(failed, `,"message":`...), result.Reason)
		failed = append(failed, '}')
	}
	if failed == nil || !strict {
		b := strconv.AppendInt([]byte(`{"code":200,"num_records_imported":`), taken, 10)
		write(w, http.StatusOK, append(b, `,"status":"OK"}`...))
		return
	}
	b := []byte(`{"code":400,"error":"some data points in the request failed validation","failed_records":[`)
	b = append(append(b, failed...), `],"num_records_imported":`...)
	write(w, http.StatusBadRequest, append(strconv.AppendInt(b, taken, 10), `,"status":"Bad Request"}`...))
}

// Refuse implements ingest.Refuser.
func (Protocol) Refuse(w http.ResponseWriter, r *ingest.Request, e *event.Error) {
	ingest.RetryAfter(w, e)
	status := e.Kind.Status()
	if e.Kind == event.Overloaded {
		status = http.StatusServiceUnavailable
	}
	switch o := optionsOf(r); {
	case o.counted || r.Path == pathImport && !o.verbose:
		b := strconv.AppendInt([]byte(`{"code":`), int64(status), 10)
		b = event.AppendJSONString(append(b, `,"error":`...), e.Message)
		b = event.AppendJSONString(append(b, `,"status":`...), http.StatusText(status))
		write(w, status, append(b, '}'))
	case o.verbose:
		write(w, status, append(event.AppendJSONString([]byte(`{"status":0,"error":`), e.Message), '}'))
	default:
		plain(w, status, "0")
	}
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func plain(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
