// Package snowplow reads the tracker protocol of Snowplow: batches posted to tp2, and single events in the query of a
// pixel. The app id of the tracker is the write key.
//
// The protocol has no call that says who somebody is: it sends the user's id with every event of a device that knows it,
// so each of these links the two.
package snowplow

import (
	"fmt"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Protocol implements ingest.Protocol, ingest.Getter and ingest.Claimer.
type Protocol struct{}

const (
	postPath  = "/com.snowplowanalytics.snowplow/tp2"
	pixelPath = "/i"
)

// Name implements ingest.Protocol.
func (Protocol) Name() string { return "snowplow" }

// Paths implements ingest.Protocol.
func (Protocol) Paths() []string { return []string{postPath} }

// GetPaths implements ingest.Getter.
func (Protocol) GetPaths() []string { return []string{pixelPath} }

// Claims implements ingest.Claimer: Countly has the pixel's path as well.
func (Protocol) Claims(r *ingest.Request) bool {
	return r.Path == postPath || r.Query.Has("e") && (r.Query.Has("tv") || r.Query.Has("p")) && !r.Query.Has("app_key")
}

// Answer implements ingest.Protocol.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, _ *ingest.Sink) {
	if r.Method == http.MethodGet {
		ingest.Pixel(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok"))
}

// Envelope implements ingest.Protocol.
func (Protocol) Envelope(event []byte) []byte { return fmt.Appendf(nil, `{"data":[%s]}`, event) }

// Decode implements ingest.Protocol.
func (Protocol) Decode(r *ingest.Request, s *ingest.Sink) error {
	d := decoder{sink: s}
	if r.Path == pixelPath {
		v, err := r.ParseInner(ingest.QueryObject(r.Query))
		if err != nil {
			return err
		}
		d.take(r, v)
		return nil
	}
	v, err := r.JSON()
	if err != nil {
		return err
	}
	events := v.GetArray("data")
	if data := v.Get("data"); data == nil || data.Type() != jsontree.TypeArray {
		return event.Errorf(event.Invalid, "no_data", "the body has no array named data")
	}
	if len(events) > r.Limits.Batch {
		return event.Errorf(event.TooLarge, "too_many_events", "%d events in one batch, the limit is %d", len(events), r.Limits.Batch)
	}
	for _, e := range events {
		d.take(r, e)
	}
	return nil
}

// take reads one event.
func (d *decoder) take(r *ingest.Request, v *jsontree.Value) {
	if !d.sink.Sound(v) {
		return
	}
	if r.Key == "" {
		r.Key = string(v.GetStringBytes("aid"))
	}
	d.key = r.Key
	d.event(v)
}
