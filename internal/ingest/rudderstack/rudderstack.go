// Package rudderstack reads the events of RudderStack's SDKs, which speak a dialect of Segment's format on the same paths,
// and serves the document that they ask for before they send any.
package rudderstack

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/segment"
)

// Protocol implements ingest.Protocol, ingest.Getter and ingest.Claimer.
type Protocol struct{}

const (
	batchPath  = "/v1/batch"
	beaconPath = "/beacon/v1/batch"
	mergePath  = "/v1/merge"
	pixelPath  = "/pixel/v1/"
)

var kinds = map[string]event.Kind{
	"track": event.Track, "page": event.Page, "screen": event.Screen, "identify": event.Identify, "group": event.Group,
	"alias": event.Alias, "merge": event.Alias,
}

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "rudderstack" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string {
	out := make([]string, 0, 3+len(kinds))
	out = append(out, batchPath, beaconPath, "/v1/import")
	for word := range kinds {
		out = append(out, "/v1/"+word)
	}
	return out
}

// GetPaths implements ingest.Getter.
func (Protocol) GetPaths() []string { return []string{pixelPath + "track", pixelPath + "page"} }

// claimed is how much of a body is looked at to tell whose it is: an event or two.
const claimed = 16 << 10

// Claims implements ingest.Claimer. Segment has most of the paths as well; only RudderStack's SDKs write a channel and an
// originalTimestamp of their own.
func (Protocol) Claims(r *ingest.Request) bool {
	switch {
	case r.Path == mergePath, r.Path == beaconPath, strings.HasPrefix(r.Path, pixelPath):
		return true
	case r.Header.Get("AnonymousId") != "" || r.Header.Get("RS-userAgent") != "":
		return true
	}
	head := r.Body[:min(len(r.Body), claimed)]
	return bytes.Contains(head, []byte(`"channel":"`)) && bytes.Contains(head, []byte(`"originalTimestamp":"`))
}

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	if r.Key == "" {
		r.Key = r.Query.Get("writeKey")
	}
	// RudderStack's SDKs keep the first attempt's sentAt on retries.
	d := segment.Dialect{
		Kinds: kinds, Fresh: func(string) bool { return false }, TimestampFirst: true, ContextTraits: true, Merge: true,
	}
	if r.Method != http.MethodGet {
		return d.Decode(r, s)
	}
	v, err := r.ParseInner(tree(r.Query))
	if err != nil {
		return err
	}
	return d.DecodeValue(r, s, v)
}

// tree is the event that the query of a pixel describes: "properties.price" is a member of properties.
func tree(query url.Values) []byte {
	var a fastjson.Arena
	root := a.NewObject()
	for _, key := range slices.Sorted(maps.Keys(query)) {
		outer, inner, nested := strings.Cut(key, ".")
		if !nested {
			root.Set(key, a.NewString(query.Get(key)))
			continue
		}
		in := root.Get(outer)
		if in == nil || in.Type() != fastjson.TypeObject {
			in = a.NewObject()
			root.Set(outer, in)
		}
		in.Set(inner, a.NewString(query.Get(key)))
	}
	return root.MarshalTo(nil)
}

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, _ *ingest.Sink) {
	if r.Method == http.MethodGet {
		ingest.Pixel(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("OK"))
}

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `{"batch":[%s]}`, event) }
