package rudderstack

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// SourcePath is where SDKs for browsers and phones ask about their source; without an answer they send nothing.
const SourcePath = "/sourceConfig"

// ClusterPath is where the Go SDK may ask how many nodes there are.
const ClusterPath = "/cluster-info"

// Remote serves what SDKs ask for beside sending events.
type Remote struct {
	Keys ingest.Keys
}

// Register adds the routes to a mux, each also behind the protocol's name.
func (s Remote) Register(mux *http.ServeMux) {
	for _, prefix := range []string{"", "/" + Protocol{}.Name()} {
		for _, slash := range []string{"", "/{$}"} {
			mux.HandleFunc("GET "+prefix+SourcePath+slash, s.source)
			mux.HandleFunc("OPTIONS "+prefix+SourcePath+slash, ingest.Preflight)
		}
		mux.HandleFunc("GET "+prefix+ClusterPath, func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, map[string]any{"nodeCount": 1})
		})
	}
}

func (s Remote) source(w http.ResponseWriter, r *http.Request) {
	ingest.AllowOrigin(w, r)
	key, _, ok := r.BasicAuth()
	if !ok {
		key = r.URL.Query().Get("writeKey")
	}
	if _, err := s.Keys.WriteKey(r.Context(), key); err != nil {
		var e *event.Error
		if !errors.As(err, &e) || e.Kind == event.Unauthorized {
			// An SDK that is told 404 switches itself off, which is right only for a key that nobody has.
			e = event.Errorf(event.NotFound, "unknown_key", "there is no such write key")
		}
		ingest.WriteError(w, e)
		return
	}
	// The browser SDK takes its key from the document; ids and times mean nothing to it but must be there.
	const since = "2026-01-01T00:00:00.000Z"
	writeJSON(w, map[string]any{
		"source": map[string]any{
			"id": "freshet", "name": "Freshet", "writeKey": key, "enabled": true, "workspaceId": "freshet",
			"config":      map[string]any{"statsCollection": map[string]any{"errors": map[string]any{"enabled": false}, "metrics": map[string]any{"enabled": false}}},
			"connections": []any{}, "destinations": []any{}, "createdAt": since, "updatedAt": since,
		},
		"updatedAt": since,
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		ingest.WriteError(w, &event.Error{Kind: event.Internal, Code: "internal", Message: "the answer could not be written", Err: err})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(body)
}
