package enrich

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/event"
)

const (
	chromeWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
	safariPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
	chromePixel   = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36"
)

func enricher(t testing.TB, geo string) *Enricher {
	t.Helper()
	n, err := Open(geo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestAgents(t *testing.T) {
	n := enricher(t, "")
	for _, c := range []struct {
		agent string
		want  agent
	}{
		{chromeWindows, agent{"Windows", "10.0", "desktop", "", "Chrome"}},
		{safariPhone, agent{"iOS", "17.4", "mobile", "iPhone", "Safari"}},
		{chromePixel, agent{"Android", "14", "mobile", "Pixel 8", "Chrome"}},
		{"Go-http-client/1.1", agent{}},
		{"analytics-node/2.1.0", agent{}},
		{"\xff\xfe()(;;", agent{}},
		{strings.Repeat("(", 1<<20), agent{}},
	} {
		e := event.Event{Context: event.Context{UserAgent: c.agent}}
		n.Enrich(&e)
		x := &e.Context
		if got := (agent{x.OSName, x.OSVersion, x.DeviceType, x.DeviceModel, e.Derived.Browser}); got != c.want {
			t.Errorf("%.60q: %+v, want %+v", c.agent, got, c.want)
		}
	}
}

func TestContextWins(t *testing.T) {
	n := enricher(t, "")
	e := event.Event{Context: event.Context{UserAgent: safariPhone, OSName: "iPadOS", DeviceModel: "iPad13,1", DeviceType: "ios"}}
	n.Enrich(&e)
	if c := e.Context; c.OSName != "iPadOS" || c.OSVersion != "" || c.DeviceModel != "iPad13,1" || c.DeviceType != "ios" {
		t.Errorf("%+v", c)
	}
}

func TestGeo(t *testing.T) {
	names := func(s string) any { return map[string]any{"names": map[string]any{"en": s}} }
	file := filepath.Join(t.TempDir(), "geo.mmdb")
	err := os.WriteFile(file, buildGeo(map[string]any{
		"203.0.113.0/24": map[string]any{
			"country": map[string]any{"iso_code": "DE"}, "city": names("Berlin"),
			"subdivisions": []any{map[string]any{"iso_code": "BE", "names": map[string]any{"en": "Land Berlin"}}},
		},
		"198.51.100.0/25": map[string]any{"country": map[string]any{"iso_code": "FR"}, "subdivisions": []any{map[string]any{"iso_code": "IDF"}}},
		"2001:db8::/32":   map[string]any{"country": map[string]any{"iso_code": "JP"}},
	}), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	n := enricher(t, file)
	for range 2 { // The second time from the cache.
		for ip, want := range map[string]place{
			"203.0.113.9": {"DE", "Land Berlin", "Berlin"}, "::ffff:203.0.113.9": {"DE", "Land Berlin", "Berlin"},
			"198.51.100.127": {"FR", "IDF", ""}, "198.51.100.128": {}, "2001:db8::1": {"JP", "", ""},
			"10.0.0.1": {}, "no address": {}, "fe80::1%eth0": {},
		} {
			e := event.Event{Context: event.Context{IP: ip}}
			n.Enrich(&e)
			if got := (place{e.Derived.Country, e.Derived.Region, e.Derived.City}); got != want {
				t.Errorf("%s: %+v, want %+v", ip, got, want)
			}
		}
	}
}

func TestNoGeoFile(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Fatal("a missing file was opened")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int](10)
	for i := range 1000 {
		c.put(fmt.Sprint(i), i)
		if v, ok := c.get("0"); !ok || *v != 0 {
			t.Fatal("what is asked for all the time is gone", i)
		}
		if n := len(c.young) + len(c.old); n > 20 {
			t.Fatalf("%d values", n)
		}
	}
}

func BenchmarkEnrich(b *testing.B) {
	n := enricher(b, "")
	e := event.Event{}
	b.ReportAllocs()
	for b.Loop() {
		e.Context = event.Context{UserAgent: chromePixel}
		n.Enrich(&e)
	}
}
