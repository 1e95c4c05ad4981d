package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reply is an answer of the server.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// code is the problem's code, empty for an answer that is none.
func (r reply) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(r.body, &p)
	return p.Code
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, tail(string(r.body), 500)) }

// position is the one after the events that the request brought.
func (r reply) position() uint64 {
	n, _ := strconv.ParseUint(r.header.Get("Freshet-Position"), 10, 64)
	return n
}

// call sends one request; the error is one of the connection.
func (s *server) call(method, path, key string, body []byte, header ...string) (reply, error) {
	req, err := http.NewRequest(method, "http://"+s.addr+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

// get reads an answer of the API into out. While the store is being opened it asks again.
func (s *server) get(path string, out any) {
	s.t.Helper()
	s.ask(http.MethodGet, path, nil, out)
}

// ask sends a question of any kind and reads the answer into out.
func (s *server) ask(method, path string, body []byte, out any) {
	s.t.Helper()
	var r reply
	eventually(s.t, soon, method+" "+path+" is answered", func() bool {
		var err error
		if r, err = s.call(method, path, s.admin, body); err != nil {
			s.t.Fatalf("%s %s: %v", method, path, err)
		}
		return r.code() != "store_opening"
	})
	if r.status >= 300 {
		s.t.Fatalf("%s %s: %s", method, path, r)
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, r)
	}
}

// send posts events and wants them accepted.
func (s *server) send(path string, body []byte) reply {
	s.t.Helper()
	r, err := s.call(http.MethodPost, path, s.write, body)
	if err != nil || r.status != http.StatusOK {
		s.t.Fatalf("POST %s: %v %s", path, err, r)
	}
	return r
}

// status is what GET /v1/status tells.
type status struct {
	Watermark struct{ Position uint64 }
	Lag       struct{ Events uint64 }
	Log       struct{ Start, End uint64 }
	Store     struct {
		HotRows int `json:"hot_rows"`
	}
}

func (s *server) status() (out status) {
	s.t.Helper()
	s.get("/v1/status", &out)
	return out
}

// waitVisible returns when everything before a position is visible.
func (s *server) waitVisible(position uint64) {
	s.t.Helper()
	eventually(s.t, soon, fmt.Sprintf("position %d is visible", position), func() bool {
		return s.status().Watermark.Position >= position
	})
}

// waitIdle returns when everything that was acknowledged is visible.
func (s *server) waitIdle() {
	s.t.Helper()
	eventually(s.t, soon, "nothing is on its way", func() bool {
		st := s.status()
		return st.Watermark.Position == st.Log.End
	})
}

// counts are the figures of the ledger.
type counts struct {
	Accepted, Stored, Duplicate, Expired int64
	Dead                                 int64 `json:"dead_lettered"`
}

// ledger reads the ledger of a server at rest and checks that it balances.
func (s *server) ledger() counts {
	s.t.Helper()
	s.waitIdle()
	var l struct {
		Total      counts
		InFlight   uint64 `json:"in_flight"`
		Difference int64
		Balanced   bool
	}
	s.get("/v1/ledger?from=-7d", &l)
	if l.Difference != 0 || !l.Balanced || l.InFlight != 0 {
		s.t.Errorf("the ledger does not balance: %+v", l)
	}
	if c := l.Total; c.Accepted != c.Stored+c.Duplicate+c.Dead {
		s.t.Errorf("accepted is not stored + duplicate + dead-lettered: %+v", c)
	}
	return l.Total
}

// stored is an event as the server gives it out.
type stored struct {
	ID, Kind, Event string
	Timestamp       time.Time
	UserID          string `json:"user_id"`
	AnonymousID     string `json:"anonymous_id"`
	Position        uint64
	Properties      map[string]json.RawMessage
	Traits          map[string]json.RawMessage
	Context         json.RawMessage
	Flags           []string
}

// export reads all events that pass a filter such as "event=purchase".
func (s *server) export(filter string) []stored {
	s.t.Helper()
	var out []stored
	var r reply
	eventually(s.t, soon, "the export is answered", func() bool {
		var err error
		if r, err = s.call(http.MethodGet, "/v1/export?"+filter, s.admin, nil); err != nil {
			s.t.Fatalf("export: %v", err)
		}
		return r.code() != "store_opening"
	})
	if r.status != http.StatusOK {
		s.t.Fatalf("export: %s", r)
	}
	lines := bufio.NewScanner(bytes.NewReader(r.body))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e stored
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			s.t.Fatalf("export: %v in %s", err, lines.Bytes())
		}
		out = append(out, e)
	}
	if err := lines.Err(); err != nil {
		s.t.Fatalf("export: %v", err)
	}
	return out
}

// metric is the sum of a metric's samples, 0 when there are none.
func (s *server) metric(name string) float64 {
	s.t.Helper()
	r, err := s.call(http.MethodGet, "/metrics", "", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(string(r.body)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err != nil {
			s.t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// cli runs a command of the binary against the server, with the admin key unless args name another, and returns what
// it wrote and its exit code.
func (s *server) cli(key string, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	return runCLI(s.t, []string{"FRESHET_URL=http://" + s.addr, "FRESHET_KEY=" + key}, args...)
}

func runCLI(t testing.TB, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(os.Getenv(binaryVariable), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
