package amplitude_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest/amplitude"
	"github.com/freshet/freshet/internal/ingest/ingesttest"
)

// TestRefuse holds what each refusal makes an SDK do: body is the code that SDKs for Node and browsers obey.
func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		kind         event.ErrorKind
		status, body int
		retryAfter   bool
		has          string
	}{
		{event.Unauthorized, 400, 400, false, `"error":"Invalid API key: `},
		{event.Invalid, 400, 400, false, `"missing_field":"`},
		{event.TooLarge, 413, 413, false, `"error":"`},
		{event.Overloaded, 429, 429, true, `"throttled_events":[0,1,2,`},
		{event.Unavailable, 503, 429, true, `,998,999]`},
		{event.Timeout, 504, 429, false, `"throttled_events":[`},
		{event.Internal, 500, 429, false, `"throttled_events":[`},
	} {
		w := httptest.NewRecorder()
		amplitude.Protocol{}.Refuse(w, ingesttest.Call(http.MethodPost, "/2/httpapi", ""), event.Errorf(c.kind, "code", `it "is" so`))
		var body struct{ Code int }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || body.Code != c.body || (w.Header().Get("Retry-After") != "") != c.retryAfter || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("kind %d: status %d, Retry-After %q, %.200s", c.kind, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
}
