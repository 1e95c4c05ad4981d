package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommands runs the commands against a real server: what they print, as JSON too, and their exit codes.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := start(t)
	dir := t.TempDir()
	csv := filepath.Join(dir, "a.csv")
	if err := os.WriteFile(csv, []byte("user_id,event,time,price\nu,buy,2026-01-01,5\nv,buy,2026-01-02,7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.ndjson")
	_, read := s.createKey("read")
	for _, c := range []struct {
		args string
		key  string
		code int
		want string
	}{
		{"version", "", 0, "freshet"},
		{"import " + csv + " --json --read-key " + s.admin, s.write, 0, `"accepted":2`},
		{"import " + csv, s.write, 0, "2 accepted"},
		{"import " + filepath.Join(dir, "none.csv"), s.write, 1, "no such file"},
		{"import " + csv, read, 3, "wrong_key_kind"},
		{"import " + csv, "", 2, "no key"},
		{"query -e buy --from 2026-01-01 --to 2026-02-01 --json", read, 0, `"total": 2`},
		{"query -e buy --from 2026-01-01 --to 2026-02-01 -a sum -p price", read, 0, "12"},
		{"query -e buy -i century", read, 3, "interval"},
		{"query -e buy", s.write, 3, "wrong_key_kind"},
		{"query -e buy", "fr_nonsense", 3, "malformed_key"},
		{"query --frobnicate", read, 2, "unknown flag"},
		{"project list --json", s.admin, 0, `"timezone": "UTC"`},
		{"project list", read, 3, "wrong_key_kind"},
		{"project create Shop --timezone Europe/Berlin --retention 365 --rate 500 --json", s.admin, 0, `"events_per_second": 500`},
		{"project create Shop", s.admin, 3, "409"},
		{"project create Other --timezone Europe/Nowhere", s.admin, 3, "timezone"},
		{"project update 2 --name Store", s.admin, 0, "Store"},
		{"project update 99 --name Nobody", s.admin, 3, "404"},
		{"key create 2 --kind read --name dashboard --json", s.admin, 0, `"key": "fr_`},
		{"key list 2 --json", s.admin, 0, `"name": "dashboard"`},
		{"key list 2", s.admin, 0, "dashboard"},
		{"key revoke 99", s.admin, 3, "404"},
		{"export --event buy -o " + out + " --json", read, 0, `"bytes"`},
		{"export --event buy --format csv", read, 0, "2026-01-02T00:00:00Z"},
		{"export --from yesterday-ish", read, 3, "bad_time"},
		{"demo --events 1000 --json --read-key " + s.admin, s.write, 0, `"events":1000`},
		{"doctor --data " + s.dir + " --listen 127.0.0.1:0 --json", "", 0, `"name": "fsync"`},
		{"config --json", "", 0, `"listen"`},
		{"config --limits-max-batch -1", "", 2, "limits.max_batch"},
		{"nonsense", "", 2, "unexpected argument"},
	} {
		stdout, stderr, code := s.cli(c.key, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("freshet %s: exit code %d, want %d, and %q in\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
		if strings.Contains(c.args, "--json") && !json.Valid([]byte(stdout)) {
			t.Errorf("freshet %s: no JSON:\n%s", c.args, stdout)
		}
		if code != 0 && stdout != "" {
			t.Errorf("freshet %s: an error on stdout:\n%s", c.args, stdout)
		}
	}
}

// TestRoundTrip moves a project's events to another server by export and import: the same events, the same answers.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	a, b := start(t), start(t)
	if out, errs, code := a.cli(a.write, "demo", "--events", "5000", "--read-key", a.admin); code != 0 {
		t.Fatalf("demo: %d %s%s", code, out, errs)
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if out, errs, code := a.cli(a.admin, "export", "-o", file); code != 0 {
		t.Fatalf("export: %d %s%s", code, out, errs)
	}
	if out, errs, code := b.cli(b.write, "import", file, "--read-key", b.admin); code != 0 || !strings.Contains(out, "5000 accepted") {
		t.Fatalf("import: %d %s%s", code, out, errs)
	}
	want, got := map[string]stored{}, b.export("")
	for _, e := range a.export("") {
		want[e.ID] = e
	}
	if len(got) != len(want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
	for _, e := range got {
		w := want[e.ID]
		if e.Event != w.Event || e.Kind != w.Kind || !e.Timestamp.Equal(w.Timestamp) || e.UserID != w.UserID || e.AnonymousID != w.AnonymousID || len(e.Properties) != len(w.Properties) {
			w.Context, e.Context = nil, nil
			t.Errorf("sent %+v, got %+v", w, e)
			break
		}
	}
	question := []byte(`{"kind":"trends","range":{"from":"-31d","to":"now"},"interval":"month","series":[{"id":"A","aggregate":"unique"}],"breakdown":[{"property":"$event"}]}`)
	var x, y answer
	a.ask("POST", "/v1/query", question, &x)
	b.ask("POST", "/v1/query", question, &y)
	one, _ := json.Marshal(x.Series)
	two, _ := json.Marshal(y.Series)
	if string(one) != string(two) {
		t.Errorf("the answers differ:\n%s\n%s", one, two)
	}
}
