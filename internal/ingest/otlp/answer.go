package otlp

import (
	"fmt"
	"net/http"

	"github.com/valyala/fastjson"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Answer implements ingest.Protocol: an empty message, or how many records were set aside and why the first of them
// was. Clients report that and send nothing again.
func (Protocol) Answer(w http.ResponseWriter, r *ingest.Request, s *ingest.Sink) {
	rejected, why := int64(len(s.Results)-s.Accepted()), ""
	for _, result := range s.Results {
		if result.Code != "" {
			why = fmt.Sprintf("kept as dead letters, the first because %s (%s)", result.Reason, result.Code)
			break
		}
	}
	if isJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		if rejected == 0 {
			_, _ = w.Write([]byte("{}"))
			return
		}
		var a fastjson.Arena
		_, _ = fmt.Fprintf(w, `{"partialSuccess":{"rejectedLogRecords":"%d","errorMessage":%s}}`, rejected, a.NewString(why).MarshalTo(nil))
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	var out []byte
	if rejected > 0 {
		partial := protowire.AppendTag(nil, 1, protowire.VarintType)
		partial = protowire.AppendVarint(partial, uint64(rejected))
		partial = protowire.AppendTag(partial, 2, protowire.BytesType)
		partial = protowire.AppendString(partial, why)
		out = protowire.AppendTag(nil, 1, protowire.BytesType)
		out = protowire.AppendBytes(out, partial)
	}
	_, _ = w.Write(out)
}

// The codes of gRPC that a status names.
const (
	codeInvalidArgument   = 3
	codePermissionDenied  = 7
	codeResourceExhausted = 8
	codeUnavailable       = 14
	codeUnauthenticated   = 16
)

// Refuse implements ingest.Refuser: a google.rpc.Status in the encoding of the request. Clients send again after 429,
// 502, 503 and 504 only, so that nothing which may pass is told as 500. There is no Retry-After: an exporter that is asked
// to wait longer than its timeout, which is 10 s in most and a minute in Go, drops the batch at once, and one that is asked
// nothing tries several times within it.
func (Protocol) Refuse(w http.ResponseWriter, r *ingest.Request, e *event.Error) {
	status, code := e.Kind.Status(), codeUnavailable
	switch e.Kind {
	case event.Invalid, event.NotFound, event.Conflict:
		code = codeInvalidArgument
	case event.Unauthorized:
		code = codeUnauthenticated
	case event.Forbidden:
		code = codePermissionDenied
	case event.TooLarge, event.Overloaded:
		code = codeResourceExhausted
	case event.Internal, event.Corrupt:
		status = http.StatusServiceUnavailable
	case event.Unavailable, event.Timeout: // They are what they say.
	}
	message := e.Code + ": " + e.Message
	if isJSON(r) {
		var a fastjson.Arena
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":%s}`, code, a.NewString(message).MarshalTo(nil))
		return
	}
	out := protowire.AppendTag(nil, 1, protowire.VarintType)
	out = protowire.AppendVarint(out, uint64(code))
	out = protowire.AppendTag(out, 2, protowire.BytesType)
	out = protowire.AppendString(out, message)
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(status)
	_, _ = w.Write(out)
}
