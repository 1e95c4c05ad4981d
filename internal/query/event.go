package query

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Event is one stored event as it leaves the API. Its JSON is also what POST /v1/events takes: sent there again it
// becomes an event with the same id, time, identity, properties and context; what the server itself had worked out
// (received_at, person, position, protocol, place, browser, flags, skew_ms) is worked out anew.
type Event struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Event string `json:"event"`
	// Timestamp is the corrected time; the client's own was SkewMS earlier.
	Timestamp  time.Time `json:"timestamp"`
	ReceivedAt time.Time `json:"received_at"`
	// Person is a 64-bit number in decimal digits, too large for a number in JSON.
	Person      string            `json:"person"`
	UserID      string            `json:"user_id,omitempty"`
	AnonymousID string            `json:"anonymous_id,omitempty"`
	PreviousID  string            `json:"previous_id,omitempty"`
	GroupID     string            `json:"group_id,omitempty"`
	SessionID   string            `json:"session_id,omitempty"`
	Position    eventlog.Position `json:"position"`
	// Properties, Traits and Context are JSON objects, nil when empty. Context is nested as Segment's is. TraitOps has the
	// traits that were not just set, by operation: {"set_once":{"source":"ad"}}.
	Properties json.RawMessage `json:"properties,omitempty"`
	Traits     json.RawMessage `json:"traits,omitempty"`
	TraitOps   json.RawMessage `json:"trait_ops,omitempty"`
	Context    json.RawMessage `json:"context,omitempty"`
	Country    string          `json:"country,omitempty"`
	Region     string          `json:"region,omitempty"`
	City       string          `json:"city,omitempty"`
	Browser    string          `json:"browser,omitempty"`
	Protocol   string          `json:"protocol,omitempty"`
	// Flags are words for what processing found odd about the event: see flagWords.
	Flags  []string `json:"flags,omitempty"`
	SkewMS float64  `json:"skew_ms,omitempty"`
}

// flagWords are the words of event.Flags, in the order of the bits.
var flagWords = [...]string{"future", "skew_corrected", "no_time", "bad_identity", "made_id", "truncated"}

func appendFlags(words []string, f event.Flags) []string {
	for i, w := range flagWords {
		if f&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return words
}

// AppendJSON appends the event as one line of JSON, without the line's end. It means the same as what json.Marshal
// makes, at a fraction of the cost.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = event.AppendJSONString(b, e.ID)
	b = appendText(b, "kind", e.Kind)
	b = append(b, `,"event":`...)
	b = event.AppendJSONString(b, e.Event)
	b = append(b, `,"timestamp":"`...)
	b = e.Timestamp.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","received_at":"`...)
	b = e.ReceivedAt.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","person":"`...)
	b = append(b, e.Person...)
	b = append(b, '"')
	b = appendText(b, "user_id", e.UserID)
	b = appendText(b, "anonymous_id", e.AnonymousID)
	b = appendText(b, "previous_id", e.PreviousID)
	b = appendText(b, "group_id", e.GroupID)
	b = appendText(b, "session_id", e.SessionID)
	b = append(b, `,"position":`...)
	b = strconv.AppendUint(b, uint64(e.Position), 10)
	b = appendRaw(b, "properties", e.Properties)
	b = appendRaw(b, "traits", e.Traits)
	b = appendRaw(b, "trait_ops", e.TraitOps)
	b = appendRaw(b, "context", e.Context)
	b = appendText(b, "country", e.Country)
	b = appendText(b, "region", e.Region)
	b = appendText(b, "city", e.City)
	b = appendText(b, "browser", e.Browser)
	b = appendText(b, "protocol", e.Protocol)
	for i, w := range e.Flags {
		if i == 0 {
			b = append(b, `,"flags":[`...)
		} else {
			b = append(b, ',')
		}
		b = event.AppendJSONString(b, w)
	}
	if len(e.Flags) > 0 {
		b = append(b, ']')
	}
	if e.SkewMS != 0 {
		b = append(b, `,"skew_ms":`...)
		b = appendNumber(b, e.SkewMS)
	}
	return append(b, '}')
}

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return event.AppendJSONString(b, s)
}

func appendRaw(b []byte, key string, raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return append(b, raw...)
}
