package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// TestAskBeside counts what the server got of each kind, and what it refused.
func TestAskBeside(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.Method+" "+r.URL.Path]++
		if got["GET /v1/ledger"] > 3 && got["PATCH /v1/projects/7"] > 3 && got["POST /v1/query"] > 3 {
			stop()
		}
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	b, err := AskBeside(ctx, server.URL, "fa_key", 7, time.Millisecond)
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	if b.Ledger.Calls < 3 || b.Question.Calls < 3 || b.Change.Failed != b.Change.Calls || b.Ledger.Failed+b.Question.Failed > 0 {
		t.Errorf("%+v", b)
	}
}
