package amplitude

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// How SDKs read an answer: those for Node and browsers look at the number "code" in the body and never at the status,
// those for phones look at the status. After 12 answers that ask for another try the events are lost, so the time between
// tries is what saves them: 1 s more each time after a 5xx, 10 s after a bare 429, 30 s for each event that a 429 lists.
// A 400 is sent again as well, unless it names a missing field or an invalid key.

// Answer implements ingest.Protocol. Events that were set aside are not told: a 400 that lists them makes SDKs drop
// them, which is right, and send their neighbours again, which is not needed.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, s *ingest.Sink) {
	b := append(make([]byte, 0, 128), `{"code":200,"events_ingested":`...)
	b = strconv.AppendInt(b, int64(s.Accepted()), 10)
	b = append(b, `,"payload_size_bytes":`...)
	b = strconv.AppendInt(b, int64(len(r.Body)), 10)
	b = append(b, `,"server_upload_time":`...)
	b = strconv.AppendInt(b, r.ReceivedAt/1000, 10)
	write(w, http.StatusOK, append(b, '}'))
}

// Refuse implements ingest.Refuser.
func (Protocol) Refuse(w http.ResponseWriter, _ *ingest.Request, e *event.Error) {
	ingest.RetryAfter(w, e)
	switch e.Kind {
	case event.Unauthorized, event.Forbidden:
		write(w, http.StatusBadRequest, refusal(http.StatusBadRequest, "Invalid API key: "+e.Message, `,"missing_field":"api_key"}`))
	case event.Invalid:
		// Nothing is missing, but only with the name of a field is a body that nobody can read given up.
		write(w, http.StatusBadRequest, refusal(http.StatusBadRequest, e.Message, `,"missing_field":"events"}`))
	case event.TooLarge:
		write(w, http.StatusRequestEntityTooLarge, refusal(http.StatusRequestEntityTooLarge, e.Message, "}"))
	default:
		write(w, e.Kind.Status(), refusal(http.StatusTooManyRequests, e.Message, throttled))
	}
}

// listed is how many events of a batch are told to wait: more than any SDK sends at once. How many there are is not
// known, because a server that is overloaded does not read them.
const listed = 1000

// throttled makes SDKs wait 30 s before each of 12 tries.
var throttled = func() string {
	var b strings.Builder
	b.WriteString(`,"eps_threshold":0,"throttled_devices":{},"throttled_users":{},"exceeded_daily_quota_devices":{},` +
		`"exceeded_daily_quota_users":{},"throttled_events":[0`)
	for i := 1; i < listed; i++ {
		b.WriteByte(',')
		b.WriteString(strconv.Itoa(i))
	}
	b.WriteString("]}")
	return b.String()
}()

func refusal(code int, message, rest string) []byte {
	b := append(make([]byte, 0, 128+len(rest)), `{"code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"error":`...)
	b = event.AppendJSONString(b, message)
	return append(b, rest...)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
