package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// given is what a Compose file may ask the shell for, with its example.
func given(t *testing.T, example string) map[string]string {
	t.Helper()
	env, err := ReadEnvironment(example)
	if err != nil {
		t.Fatal(err)
	}
	if len(env) == 0 {
		t.Fatalf("%s has no variables", example)
	}
	for key, value := range env {
		if value == "" { // a secret, which has to be given
			env[key] = "secret"
		}
	}
	env["FRESHET_VERSION"] = "v1.0.0"
	return env
}

// files are the Compose files, each with the example of what it reads.
var files = map[string]string{"single.yaml": "single.env.example", "engines.yaml": "engines.env.example", "cluster.yaml": "engines.env.example"}

func TestCompose(t *testing.T) {
	known, _ := names(t)
	for name, example := range files {
		t.Run(name, func(t *testing.T) {
			env := given(t, example)
			for key := range env {
				if err := known.Environment(key); err != nil {
					t.Errorf("%s: %v", example, err)
				}
			}
			p, err := LoadCompose(name, compose(t, name), env)
			if err != nil {
				t.Fatal(err)
			}
			if err := Compose(p, known); err != nil {
				t.Error(err)
			}
			if _, ok := p.Services["proxy"]; !ok {
				return
			}
			if err := Proxy(p, string(compose(t, "Caddyfile"))); err != nil {
				t.Error(err)
			}
		})
	}
	bare := given(t, "engines.env.example")
	delete(bare, "POSTGRES_PASSWORD")
	if _, err := LoadCompose("engines.yaml", compose(t, "engines.yaml"), bare); err == nil {
		t.Error("engines.yaml was loaded without a password")
	}
	found, err := filepath.Glob(filepath.Join(Root, "deploy/compose/*.yaml"))
	if err != nil || len(found) != len(files) {
		t.Errorf("there are %d Compose files, tried were %d (%v)", len(found), len(files), err)
	}
}

func TestBrokenCompose(t *testing.T) {
	known, _ := names(t)
	for _, b := range []struct{ name, from, to, complaint string }{
		{"a key that Compose has not", "restart:", "restarts:", "restarts"},
		{"a key at the wrong place", "mem_limit: 2g", "memory: 2g", "memory"},
		{"a variable that there is not", "FRESHET_DATA: /data", "FRESHET_DATA: /data\n      FRESHET_STORE: ${STORE}", "STORE are in no example"},
		{"a setting that there is not", "FRESHET_DATA: /data", "FRESHET_DATA: /data\n      FRESHET_STORE: x", "FRESHET_STORE is no setting"},
		{"an option that there is not", "read_only: true", "read_only: true\n    command: [serve, --store=x]", "--store is no option"},
		{"an image that moves", "freshet:${FRESHET_VERSION:-local}", "caddy:latest", "is not pinned"},
		{"no limit of memory", "    mem_limit: 2g\n", "", "no limit of memory"},
		{"root", "65532:65532", "0:0", "may run as root"},
		{"capabilities", "    cap_drop: [ALL]\n", "", "more rights"},
		{"too short a stop", "90s", "20s", "is killed before"},
		{"an engine whose health nobody knows", "    healthcheck:\n      test: [CMD, pg_isready, --username=freshet, --dbname=freshet]\n      interval: 5s\n      timeout: 3s\n      retries: 20\n", "", "waits for the health of postgres"},
		{"an engine whose image moves", "postgres:17.6", "postgres:17", "image \"postgres:17\" is not pinned"},
		{"a part that stores is not there", "FRESHET_ROLES: process", "FRESHET_ROLES: ingest", "nobody does process"},
		{"a part that does everything", "    FRESHET_ROLES: process\n", "", "does what others do"},
		{"parts that share a folder", "- query-2:/data", "- query-1:/data", "query-1 and query-2 have one data folder"},
		{"a log that parts do not share", "  FRESHET_LOG_ADDRESS: kafka://kafka:9092/freshet\n", "", "is not given FRESHET_LOG_ADDRESS"},
		{"a part that answers alone", "query-2:\n    <<: *query", "query-2:\n    <<: *ingest", "one alone that does query"},
		{"data in the container", "- data:/data", "- data:/elsewhere", "no volume for its data folder"},
	} {
		t.Run(b.name, func(t *testing.T) {
			name, example := "single.yaml", "single.env.example"
			if strings.Contains(b.name, "engine") {
				name, example = "engines.yaml", "engines.env.example"
			}
			if strings.Contains(b.name, "part") {
				name, example = "cluster.yaml", "engines.env.example"
			}
			text := string(compose(t, name))
			broken := strings.Replace(text, b.from, b.to, 1)
			if broken == text {
				t.Fatalf("has no %q to break", b.from)
			}
			p, err := LoadCompose(name, []byte(broken), given(t, example))
			if err == nil {
				err = Compose(p, known)
			}
			if err == nil || !strings.Contains(err.Error(), b.complaint) {
				t.Errorf("complaint is %v, want %q in it", err, b.complaint)
			}
		})
	}
}

// TestBrokenProxy breaks what leads to the parts.
func TestBrokenProxy(t *testing.T) {
	p, err := LoadCompose("cluster.yaml", compose(t, "cluster.yaml"), given(t, "engines.env.example"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(compose(t, "Caddyfile"))
	for _, b := range []struct{ name, from, to, complaint string }{
		{"one that nobody is sent to", " ingest-2:8080 {", " {", "no port leads to"},
		{"events that go to those that answer", "reverse_proxy ingest-1:8080 ingest-2:8080", "reverse_proxy query-1:8080 query-2:8080", "no port leads to"},
		{"a service that there is not", "query-2", "query-3", "no port leads to"},
		{"a route that goes to those that only read", " /v1/persons/unlink", "", "no port leads to"},
		{"a port that is not published", ":8081 {", ":9000 {", "published are"},
		{"metrics for everybody", "@metrics path /metrics", "@metrics path /metric", "/metrics"},
	} {
		t.Run(b.name, func(t *testing.T) {
			broken := strings.Replace(text, b.from, b.to, 1)
			if broken == text {
				t.Fatalf("has no %q to break", b.from)
			}
			if err := Proxy(p, broken); err == nil || !strings.Contains(err.Error(), b.complaint) {
				t.Errorf("complaint is %v, want %q in it", err, b.complaint)
			}
		})
	}
}

func compose(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root, "deploy/compose", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
