// Package segment reads the HTTP tracking API of Segment as its SDKs speak it: single calls and batches, the key in
// the header, the envelope or the event, ids as text or numbers. Others speak dialects of it.
package segment

import (
	"fmt"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Protocol implements ingest.Protocol and ingest.Getter.
type Protocol struct{}

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "segment" }

var kinds = map[string]event.Kind{
	"track": event.Track, "t": event.Track, "page": event.Page, "p": event.Page, "screen": event.Screen, "s": event.Screen,
	"identify": event.Identify, "i": event.Identify, "group": event.Group, "g": event.Group, "alias": event.Alias, "a": event.Alias,
}

// pixelPath is the beginning of the paths of images that bring an event in their query.
const pixelPath = "/v1/pixel/"

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string {
	out := make([]string, 0, 3+len(kinds))
	out = append(out, "/v1/batch", "/v1/b", "/v1/import")
	for word := range kinds {
		out = append(out, "/v1/"+word)
	}
	return out
}

// GetPaths implements ingest.Getter.
func (Protocol) GetPaths() []string {
	return []string{
		pixelPath + "track", pixelPath + "page", pixelPath + "screen", pixelPath + "identify", pixelPath + "group", pixelPath + "alias",
	}
}

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	d := Dialect{Kinds: kinds, Fresh: fresh}
	if r.Method != http.MethodGet {
		return d.Decode(r, s)
	}
	v, err := r.Parse(r.Query.Get("data"))
	if err != nil {
		return err
	}
	return d.DecodeValue(r, s, v)
}

// Answer implements ingest.Protocol. SDKs read the status only.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, _ *ingest.Sink) {
	if r.Method == http.MethodGet {
		ingest.Pixel(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"success":true}`))
}

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `{"batch":[%s]}`, event) }

// fresh tells which libraries stamp sentAt anew at each try, so that their clocks can be told from it.
func fresh(library string) bool {
	switch library {
	case "@segment/analytics-node", "analytics.js", "analytics-go", "analytics-python", "freshet-demo":
		return true
	}
	return false
}
