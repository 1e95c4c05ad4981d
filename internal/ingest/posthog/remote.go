package posthog

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/freshet/freshet/internal/ingest"
)

// Remote serves what the SDKs fetch and send beside events. There are no feature flags, surveys and recordings here: each
// is told so in the words it understands, for any key, because an SDK that gets no answer asks again and again.
type Remote struct{ Door *ingest.Handler }

// Register adds the routes to a mux.
func (d Remote) Register(mux *http.ServeMux) {
	for _, route := range []struct {
		method, path string
		f            http.HandlerFunc
	}{
		{http.MethodPost, "/flags", flags},
		{http.MethodPost, "/decide", decide},
		{http.MethodGet, "/array/{key}/config", config},
		{http.MethodGet, "/array/{key}/config.js", configScript},
		{http.MethodGet, "/flags/definitions", http.NotFound},
		{http.MethodGet, "/api/surveys", surveys},
		{http.MethodPost, "/s", discard},
		{http.MethodPost, "/i/v1/logs", discard},
	} {
		d.Door.Beside(mux, Protocol{}.Name(), route.method, route.path, route.f)
	}
}

func flags(w http.ResponseWriter, r *http.Request) {
	if v := r.URL.Query().Get("v"); v == "" || v == "1" {
		oldFlags(w)
		return
	}
	writeJSON(w, []byte(`{"flags":{},"errorsWhileComputingFlags":false}`))
}

func oldFlags(w http.ResponseWriter) {
	writeJSON(w, []byte(`{"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false}`))
}

// decide is the older question for flags, and up to its third version for the settings as well.
func decide(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("v") {
	case "4":
		writeJSON(w, []byte(`{"flags":{},"errorsWhileComputingFlags":false}`))
	case "", "1":
		writeJSON(w, []byte(`{"featureFlags":[],"supportedCompression":["gzip","gzip-js"],"sessionRecording":false,"isAuthenticated":false}`))
	default:
		writeJSON(w, []byte(`{"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false,`+
			`"supportedCompression":["gzip","gzip-js"],"sessionRecording":false,"isAuthenticated":false}`))
	}
}

// remoteConfig are the settings that the browser and mobile SDKs know.
func remoteConfig(key string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"token": key, "supportedCompression": []string{"gzip", "gzip-js"}, "hasFeatureFlags": false,
		"captureDeadClicks": false, "capturePerformance": false, "autocapture_opt_out": false, "autocaptureExceptions": false,
		"analytics": map[string]any{"endpoint": "/i/v0/e/"}, "elementsChainAsString": true, "errorTracking": map[string]any{"autocaptureExceptions": false},
		"sessionRecording": false, "heatmaps": false, "surveys": false, "siteApps": []string{}, "defaultIdentifiedOnly": true,
	})
}

func config(w http.ResponseWriter, r *http.Request) {
	body, err := remoteConfig(r.PathValue("key"))
	if err != nil {
		http.Error(w, "the settings could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, body)
}

// configScript is config for a page that loads it as a script.
func configScript(w http.ResponseWriter, r *http.Request) {
	body, err := remoteConfig(r.PathValue("key"))
	if err != nil {
		http.Error(w, "the settings could not be written", http.StatusInternalServerError)
		return
	}
	// Marshalled text has nothing in it that ends a script or a string.
	name, err := json.Marshal(r.PathValue("key"))
	if err != nil {
		http.Error(w, "the settings could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = fmt.Fprintf(w, "(function(all){all[%s]={config:%s,siteApps:[]}})(window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{});\n", name, body)
}

func surveys(w http.ResponseWriter, _ *http.Request) { writeJSON(w, []byte(`{"surveys":[]}`)) }

func discard(w http.ResponseWriter, _ *http.Request) { writeJSON(w, []byte(`{"status":1}`)) }
