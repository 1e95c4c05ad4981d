package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake answers like the API, for what the commands do with its answers.
func fake(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/query", func(w http.ResponseWriter, r *http.Request) {
		var q map[string]any
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		if q["interval"] == "century" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"title":"Bad Request","code":"bad_interval","detail":"no such interval","field":"interval"}`)
			return
		}
		where, _ := json.Marshal(q["where"])
		if string(where) != `{"and":[{"op":"gte","property":"amount","value":10},{"op":"is_set","property":"plan"}]}` {
			t.Errorf("where %s", where)
		}
		io.WriteString(w, `{"range":{"from":"2026-03-01T00:00:00Z","to":"2026-03-04T00:00:00Z","timezone":"UTC"},"interval":"day",
			"buckets":[{"start":"2026-03-01T00:00:00Z"},{"start":"2026-03-02T00:00:00Z"},{"start":"2026-03-03T00:00:00Z","partial":true}],
			"series":[{"id":"A","label":"","breakdown":["DE"],"values":[0,null,4.5],"total":4.5}],
			"watermark":{"position":123,"time":"2026-03-03T10:00:00Z"},"took_ms":1.5}`)
	})
	mux.HandleFunc("GET /v1/projects", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer fa_x" {
			t.Error(r.Header)
		}
		io.WriteString(w, `{"projects":[{"id":1,"name":"Shop","timezone":"UTC","week_start":"monday","retention_days":0,"session_gap_minutes":30}]}`)
	})
	mux.HandleFunc("POST /v1/projects/{id}/keys", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"id":7,"kind":"write","key":"fw_secret"}`)
	})
	mux.HandleFunc("DELETE /v1/keys/{id}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/export", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{\"event\":\"x\"}\n") })
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"watermark":{"position":99}}`) })
	mux.HandleFunc("POST /v1/batch", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Freshet-Position", "50") })
	mux.HandleFunc("POST /v1/events", func(w http.ResponseWriter, r *http.Request) {
		var events []any
		if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
			t.Error(err)
		}
		json.NewEncoder(w).Encode(map[string]any{"accepted": len(events)})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestAgainstAServer(t *testing.T) {
	s := fake(t)
	csv := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(csv, []byte("user_id,event,time\nu,e,2026-01-01\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"query -e purchase -b $country --where=amount_gte_10 --where=plan_is_set --values", 0, []string{"A / DE", "4.50", "▁ █", "as of position 123", "(not over)"}},
		{"query -e purchase --where=amount_gte_10 --where=plan_is_set --json", 0, []string{`"position": 123`}},
		{"query -i century", 3, []string{"the server refused (400 bad_interval): interval: no such interval"}},
		{"project list", 0, []string{"ID  NAME", "1   Shop"}},
		{"key create 1 --kind write", 0, []string{"fw_secret"}},
		{"key revoke 7 --json", 0, []string{`"revoked": "7"`}},
		{"export", 0, []string{`{"event":"x"}`}},
		{"demo --events 2000 --read-key fr_x", 0, []string{"2000 events acknowledged", "all visible", "the same data again"}},
		{"import " + csv, 0, []string{"1 rows", "1 accepted", "user=user_id"}},
		{"project update 1", 2, []string{"nothing to change"}},
		{"bench -b 0", 2, []string{"greater than 0"}},
	} {
		var out bytes.Buffer
		args := strings.Fields(c.args)
		for i, a := range args {
			if strings.HasPrefix(a, "--where=") {
				args[i] = strings.Replace(strings.Replace(a, "_", " ", 1), "gte_10", "gte 10", 1)
			}
		}
		args = append(args, "--url", s.URL, "--key", "fa_x")
		if code := run(t.Context(), args, streams{strings.NewReader(""), &out, &out}); code != c.code {
			t.Errorf("%s: exit code %d\n%s", c.args, code, &out)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", c.args, want, &out)
			}
		}
	}
}
