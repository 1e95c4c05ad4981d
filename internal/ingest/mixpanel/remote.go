package mixpanel

import (
	"net/http"

	"github.com/freshet/freshet/internal/ingest"
)

// Remote serves what SDKs ask for beside sending events: settings, flags and messages, of which there are none.
type Remote struct{ Door *ingest.Handler }

// Register adds the routes to a mux.
func (d Remote) Register(mux *http.ServeMux) {
	for path, body := range map[string]string{"/decide": `{}`, "/settings": `{}`, "/flags": `{"flags":{}}`} {
		d.Door.Beside(mux, Protocol{}.Name(), http.MethodGet, path, func(w http.ResponseWriter, _ *http.Request) {
			write(w, http.StatusOK, []byte(body))
		})
	}
}
