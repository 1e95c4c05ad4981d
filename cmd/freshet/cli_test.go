package main

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		if format := r.URL.Query().Get("format"); format != "" {
			io.WriteString(w, "as "+format)
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
	mux.HandleFunc("GET /v1/cohorts", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"cohorts":[{"id":"7","name":"Regulars `+r.URL.Query().Get("project")+`","static":false,"uses":["3"]}]}`)
	})
	mux.HandleFunc("POST /v1/cohorts", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Name       string
			Static     bool
			Definition json.RawMessage
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Name != "Buyers" || !in.Static || string(in.Definition) != `{"did":{}}` {
			t.Errorf("%+v %v", in, err)
		}
		io.WriteString(w, `{"id":"8","name":"Buyers","static":true,"frozen":12}`)
	})
	mux.HandleFunc("DELETE /v1/cohorts/{id}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/cohorts/{id}/people", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"total":1,"people":[{"person":"`+r.PathValue("id")+r.URL.Query().Get("limit")+`","user_id":"ann"}]}`)
	})
	mux.HandleFunc("GET /v1/insights", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"insights":[{"id":"q7","name":"Purchases","kind":"trends","version":1}]}`)
	})
	save := func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if string(text) != `{"description":"why","name":"Buyers","question":{"did":{}}}` {
			t.Errorf("saved %s", text)
		}
		fmt.Fprintf(w, `{"id":"q%s8","name":"Buyers","kind":"trends","version":2}`, r.PathValue("id"))
	}
	mux.HandleFunc("POST /v1/insights", save)
	mux.HandleFunc("PATCH /v1/insights/{id}", save)
	mux.HandleFunc("DELETE /v1/insights/{id}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/insights/{id}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"id":"q7","version":9,"question":{"kind":"trends"}}`)
	})
	mux.HandleFunc("GET /v1/insights/{id}/answer", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"kind":"sessions","range":{"from":"a","to":"b"},"groups":[],"watermark":{"position":77}}`)
	})
	mux.HandleFunc("POST /v1/people", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if string(text) != `{"cell":{"step":2},"cursor":"c","limit":9,"question":{"did":{}}}` {
			t.Errorf("asked for %s", text)
		}
		io.WriteString(w, `{"total":1,"people":[{"person":"7","user_id":"ann"}],"next":"abc"}`)
	})
	mux.HandleFunc("POST /v1/people/explain", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"in":false,"reason":"window","sentence":"came to step 1","events":[{"event":"view","role":"step 1"}],"nearest":{"sentence":"would be in"}}`)
	})
	mux.HandleFunc("GET /v1/persons", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"people":[{"person":"7","user_id":"`+r.URL.Query().Get("q")+`","traits":{"plan":"pro"}}]}`)
	})
	mux.HandleFunc("GET /v1/persons/{id}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"person":"7","events":3,"sessions":2,"traits":{"plan":"pro"},"identities":[{"kind":"user","id":"`+r.PathValue("id")+
			`"}],"names":[{"event":"view","events":3}]}`)
	})
	mux.HandleFunc("GET /v1/persons/{id}/events", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"events":[{"timestamp":"2026-03-01T10:00:00Z","event":"`+r.URL.Query().Get("event")+
			`","properties":{"a":1},"session":{"first":true}}],"next":"abc"}`)
	})
	mux.HandleFunc("GET /v1/persons/{id}/cohorts", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"person":"7","cohorts":[{"id":"5","name":"Regulars"}]}`)
	})
	mux.HandleFunc("POST /v1/persons/unlink", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Kind, ID string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"unlinked":true,"person":"`+in.Kind+" "+in.ID+`","from":"7","position":21}`)
	})
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
	definition := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(definition, []byte(`{"did":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	parquet := filepath.Join(t.TempDir(), "a.parquet")
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"query -e purchase -b $country --where=amount_gte_10 --where=plan_is_set --values", 0, []string{"A / DE", "4.50", "▁ █", "as of position 123", "(not over)"}},
		{"query -e purchase --where=amount_gte_10 --where=plan_is_set --json", 0, []string{`"position": 123`}},
		{"query -i century", 3, []string{"the server refused (400 bad_interval): interval: no such interval"}},
		{"query --format csv", 0, []string{"as csv"}},
		{"query --format csv -o " + parquet, 0, nil},
		{"query -o " + parquet, 0, nil},
		{"query -o answer.xlsx", 2, []string{"give --format csv or parquet"}},
		{"query --json --format csv", 2, []string{"two forms of one answer"}},
		{"project list", 0, []string{"ID  NAME", "1   Shop"}},
		{"key create 1 --kind write", 0, []string{"fw_secret"}},
		{"key revoke 7 --json", 0, []string{`"revoked": "7"`}},
		{"cohort list --project 4", 0, []string{"7   Regulars 4"}},
		{"cohort create Buyers " + definition + " --static", 0, []string{"8   Buyers  true    12"}},
		{"cohort create Buyers " + csv, 2, []string{"not JSON"}},
		{"cohort delete 7", 0, []string{"cohort 7 is deleted"}},
		{"cohort people 7 --limit 3", 0, []string{"73      ann"}},
		{"insight list", 0, []string{"q7  Purchases  trends  1"}},
		{"insight show q7", 0, []string{"{\n  \"kind\": \"trends\"\n}"}},
		{"insight show q7 --json", 0, []string{`"version": 9`}},
		{"insight run q7", 0, []string{"sessions, a to b", "as of position 77"}},
		{"insight save Buyers " + definition + " --description why", 0, []string{"q8  Buyers"}},
		{"insight save Buyers " + definition + " --description why --id 7", 0, []string{"q78  Buyers"}},
		{"insight save Buyers " + csv, 2, []string{"not JSON"}},
		{"insight delete q7", 0, []string{"question q7 is deleted"}},
		{"people list " + definition + " --cell {\"step\":2} --limit 9 --cursor c", 0, []string{"7       ann", "more: --cursor abc"}},
		{"people list " + definition + " --cell x", 2, []string{"the cell is not JSON"}},
		{"people list " + csv, 2, []string{"the question is not JSON"}},
		{"people explain " + definition + " 7", 0, []string{"out (window): came to step 1", "would be in", "view   step 1"}},
		{"people explain " + definition + " 7 --json", 0, []string{`"reason": "window"`}},
		{"person find an --trait name", 0, []string{"7       an", `{"plan":"pro"}`}},
		{"person show user:ann/x", 0, []string{"3 events in 2 sessions", `traits {"plan":"pro"}`, "user  user:ann/x", "view   3"}},
		{"person show ann --json", 0, []string{`"sessions": 2`}},
		{"person events ann -e view", 0, []string{`view  {"a":1}`, "──", "more: --cursor abc"}},
		{"person cohorts ann", 0, []string{"5   Regulars"}},
		{"person unlink anonymous:a:1", 0, []string{"true", "anonymous a:1", "21"}},
		{"person unlink ann", 2, []string{"write user:, anonymous: or device: before it"}},
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
	if text, err := os.ReadFile(parquet); err != nil || string(text) != "as parquet" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
