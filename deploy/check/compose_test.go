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
var files = map[string]string{"single.yaml": "single.env.example", "engines.yaml": "engines.env.example"}

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
		{"data in the container", "- data:/data", "- data:/elsewhere", "no volume for its data folder"},
	} {
		t.Run(b.name, func(t *testing.T) {
			name, example := "single.yaml", "single.env.example"
			if strings.Contains(b.name, "engine") {
				name, example = "engines.yaml", "engines.env.example"
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

func compose(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root, "deploy/compose", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
