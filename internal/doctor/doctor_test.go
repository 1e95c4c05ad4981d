package doctor

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/config"
)

func find(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	for _, c := range checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatal("no check of", name)
	return Check{}
}

func TestChecks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := config.Default()
	c.Listen, c.Data = "127.0.0.1:0", filepath.Join(t.TempDir(), "not", "yet")
	good := func(context.Context) (string, string, error) { return "there", "", nil }
	bad := func(context.Context) (string, string, error) { return "", "start it", errors.New("not there") }
	checks := Run(t.Context(), c, "v1", Places{good, good, good, good})
	for _, name := range []string{"data folder", "fsync", "port", "geo file", "control plane", "store"} {
		if got := find(t, checks, name); got.Status == Fail {
			t.Errorf("%+v", got)
		}
	}
	c.GeoFile, c.Data, c.Listen = "/nowhere.mmdb", "/dev/null", "256.0.0.1:1"
	checks = Run(t.Context(), c, "v1", Places{bad, bad, bad, bad})
	for _, name := range []string{"data folder", "port", "geo file", "control plane", "store", "cache"} {
		if got := find(t, checks, name); got.Status != Fail || got.Advice == "" {
			t.Errorf("%+v", got)
		}
	}
	warned := func(context.Context) (string, string, error) { return "there", "without TLS", nil }
	if got := elsewhere(t.Context(), "store", warned); got.Status != Warn || got.Found != "there" {
		t.Errorf("%+v", got)
	}
	if got := clock(time.Unix(0, 0)); got.Status != Fail {
		t.Errorf("%+v", got)
	}
}
