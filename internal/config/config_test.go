package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaultIsValid(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":8080" || c.Limits.MaxBody != 32<<20 || c.Dedup.Window != 720*time.Hour || c.Store.MemoryLimit != 224<<20 {
		t.Errorf("%+v", c)
	}
}

func TestLoadOrderOfSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	write(t, file, "listen: :1\ndata: /file\nlog:\n  keep: 48h\ntrusted_proxies: [10.0.0.0/8, 127.0.0.1]\nlimits:\n")
	c, err := Load(Sources{
		File: file, Env: []string{"FRESHET_LISTEN=:2", "FRESHET_LOG_SEGMENT_BYTES=64MiB", "HOME=/x"},
		Flags: map[string]string{"listen": ":3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":3" || c.Data != "/file" || c.Log.Keep != 48*time.Hour || c.Log.SegmentBytes != 64<<20 || len(c.Trusted()) != 2 {
		t.Errorf("%+v", c)
	}
}

func TestLoadReportsEverythingWithItsPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	write(t, file, "listn: :1\nlog:\n  keep: soon\nlimits:\n  max_body: 1kB\n  max_body: 2kB\nstore: 7\nlog_level: loud\n")
	_, err := Load(Sources{File: file, Env: []string{"FRESHET_DRAIN_TIMEOUT=2h"}, Flags: map[string]string{"store.threads": "two"}})
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	text := err.Error()
	for _, want := range []string{
		"listn: there is no such key; did you mean listen? (" + file + ":1)",
		`log.keep: "soon" is no duration`, file + ":3",
		"limits.max_body: is given twice", file + ":6",
		"store: must be a mapping", file + ":7",
		`log_level: is "loud", must be one of debug, info, warn, error (` + file + ":8)",
		"drain_timeout: is 2h0m0s", "(FRESHET_DRAIN_TIMEOUT)",
		`store.threads: "two" is no whole number (--store-threads)`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in:\n%s", want, text)
		}
	}
}

func TestBrokenYAMLNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	write(t, file, "a: [")
	if _, err := Load(Sources{File: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatal(err)
	}
}

func TestPrintedConfigurationLoadsAgain(t *testing.T) {
	c := Default()
	c.TrustedProxies = []string{"10.0.0.0/8"}
	c.Log.Keep = 36*time.Hour + time.Minute
	b, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "f.yaml")
	write(t, file, string(b))
	again, err := Load(Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if b2, _ := again.YAML(); !bytes.Equal(b, b2) {
		t.Errorf("%s\n%s", b, b2)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	c := Default()
	c.Tracing.OTLPHeaders = "authorization=hush"
	c.Tracing.OTLPEndpoint = "https://me:hush@collector:4318"
	y, _ := c.YAML()
	j, _ := c.JSON()
	for _, b := range [][]byte{y, j} {
		if bytes.Contains(b, []byte("hush")) || !bytes.Contains(b, []byte("https://me:********@collector:4318")) {
			t.Errorf("%s", b)
		}
	}
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]Bytes{"0": 0, "12": 12, "1kB": 1000, "32MiB": 32 << 20, "1.5 GB": 1.5e9, "7B": 7} {
		got, err := ParseBytes(in)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", in, got, err)
		}
		if again, err := ParseBytes(got.String()); err != nil || again != want {
			t.Errorf("%s printed as %s", in, got)
		}
	}
	for _, in := range []string{"", "MB", "-1", "1e30", "NaN", "5 parsecs"} {
		if b, err := ParseBytes(in); err == nil {
			t.Errorf("%q read as %d", in, b)
		}
	}
}

func TestReferencePageIsUpToDate(t *testing.T) {
	b, err := os.ReadFile("../../docs/config.md")
	if err != nil || !bytes.Equal(b, Markdown()) {
		t.Fatal("docs/config.md is not what the code says; run go generate ./internal/config", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
