package segment

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// SettingsPath is the route of the document that Segment's client SDKs fetch from their CDN host at start.
const SettingsPath = "/v1/projects/{key}/settings"

// MetricsPath is where SDKs send figures about themselves. They are answered and dropped: nobody asked for them.
const MetricsPath = "/v1/m"

// Remote serves what SDKs fetch and send beside events. The settings document is the only remote control over phones in
// the field: it tells them this server's address, so an app that only knows where to fetch it sends here as well.
type Remote struct {
	Keys ingest.Keys
	// Address is how the client that sent the request reaches this server, such as "events.example.com", "https".
	Address func(*http.Request) (host, scheme string)
}

// Register adds the routes to a mux.
func (s Remote) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+SettingsPath, s.settings)
	mux.HandleFunc("POST "+MetricsPath, discard)
	for _, path := range []string{SettingsPath, MetricsPath} {
		mux.HandleFunc("OPTIONS "+path, ingest.Preflight)
	}
}

func (s Remote) settings(w http.ResponseWriter, r *http.Request) {
	ingest.AllowOrigin(w, r)
	key := r.PathValue("key")
	if _, err := s.Keys.WriteKey(r.Context(), key); err != nil {
		var e *event.Error
		if !errors.As(err, &e) || e.Kind == event.Unauthorized {
			// An SDK that is told 404 here stays silent, which is right only for a key that nobody has.
			e = event.Errorf(event.NotFound, "unknown_key", "there is no such write key")
		}
		ingest.WriteError(w, e)
		return
	}
	host, scheme := s.Address(r)
	body, err := Settings(host, scheme, key)
	if err != nil {
		ingest.WriteError(w, &event.Error{Kind: event.Internal, Code: "internal", Message: "the settings could not be written", Err: err})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(body)
}

// Settings is the document for a key. The browser SDK sends nothing without integrations["Segment.io"], takes its key
// from there, and posts figures about itself unless metrics.sampleRate is 0.
func Settings(host, scheme, writeKey string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"integrations": map[string]any{"Segment.io": map[string]any{
			"apiKey": writeKey, "apiHost": host + "/v1", "protocol": scheme,
		}},
		"metrics": map[string]any{"sampleRate": 0},
		"plan":    map[string]any{}, "edgeFunction": map[string]any{}, "middlewareSettings": map[string]any{},
	})
}

func discard(w http.ResponseWriter, r *http.Request) {
	ingest.AllowOrigin(w, r)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"success":true}`))
}
