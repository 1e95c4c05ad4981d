package mixpanel_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/mixpanel"
)

func TestAnswer(t *testing.T) {
	good, bad := ingest.Result{}, ingest.Result{Code: "bad_event_name", Reason: "the event has no name"}
	for _, c := range []struct {
		target, body string
		results      []ingest.Result
		status       int
		want         string
	}{
		{"/track", "", []ingest.Result{good}, 200, "1"},
		{"/track?verbose=1", "", []ingest.Result{good}, 200, `{"status":1,"error":null}`},
		{"/track", "verbose=1&data=%7B%7D", []ingest.Result{good}, 200, `{"status":1,"error":null}`},
		{"/track", "", []ingest.Result{bad}, 200, "1"},
		{"/import?strict=1&verbose=1", "", []ingest.Result{good}, 200, `{"code":200,"num_records_imported":1,"status":"OK"}`},
		{"/import?strict=0&verbose=1", "", []ingest.Result{good, bad}, 200, `{"code":200,"num_records_imported":1,"status":"OK"}`},
		{"/import?strict=1", "", []ingest.Result{good, bad}, 400, `{"code":400,"error":"some data points in the request failed validation",` +
			`"failed_records":[{"index":1,"field":"bad_event_name","message":"the event has no name"}],"num_records_imported":1,"status":"Bad Request"}`},
	} {
		r := ingesttest.Call(http.MethodPost, c.target, c.body)
		w := httptest.NewRecorder()
		mixpanel.Protocol{}.Answer(w, r, &ingest.Sink{Results: c.results})
		if w.Code != c.status || w.Body.String() != c.want {
			t.Errorf("%s %s: %d %s", c.target, c.body, w.Code, w.Body)
		}
	}
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		target     string
		kind       event.ErrorKind
		status     int
		retryAfter bool
		want       string
	}{
		{"/track", event.Invalid, 400, false, "0"},
		{"/track?verbose=1", event.Invalid, 400, false, `{"status":0,"error":"it \"is\" so"}`},
		{"/track?verbose=1", event.Unauthorized, 401, false, `{"status":0,`},
		{"/track?verbose=1", event.TooLarge, 413, false, `{"status":0,`},
		{"/track", event.Overloaded, 503, true, "0"},
		{"/engage?verbose=1", event.Unavailable, 503, true, `{"status":0,`},
		{"/import?strict=1", event.Unauthorized, 401, false, `{"code":401,"error":"it \"is\" so","status":"Unauthorized"}`},
		{"/import", event.Overloaded, 503, true, `{"code":503,`},
		{"/import?verbose=1", event.Invalid, 400, false, `{"status":0,`},
	} {
		w := httptest.NewRecorder()
		mixpanel.Protocol{}.Refuse(w, ingesttest.Call(http.MethodPost, c.target, ""), event.Errorf(c.kind, "code", `it "is" so`))
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), c.want) || (w.Header().Get("Retry-After") != "") != c.retryAfter {
			t.Errorf("%s kind %d: %d %q %s", c.target, c.kind, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}
