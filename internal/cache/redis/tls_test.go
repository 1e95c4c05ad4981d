//go:build cluster

package redis

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/test/certificate"
	"github.com/freshet/freshet/test/redistest"
)

// TestTLS holds that a server is spoken to over TLS, and only if its certificate is of an authority that is trusted.
func TestTLS(t *testing.T) {
	trusted := certificate.Make(t)
	t.Setenv("SSL_CERT_FILE", trusted.Authority) // A process reads it once. Nothing in these tests has looked for certificates before.
	s, stranger := redistest.StartTLS(t, trusted), redistest.StartTLS(t, certificate.Make(t))
	c := open(t, s, "")
	c.Set("a", []byte("1"))
	until(t, "the value is there", func() bool { v, ok := c.Get(t.Context(), "a"); return ok && string(v) == "1" })
	look := func(url string) (*Found, error) {
		target, err := ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		return Look(t.Context(), target)
	}
	if found, err := look(s.URL()); err != nil || found.Version == "" {
		t.Errorf("%+v %v", found, err)
	}
	for url, words := range map[string]string{
		stranger.URL(): "certificate signed by unknown authority",
		strings.Replace(s.URL(), redistest.Password, "n0t-it", 1): "WRONGPASS",
		strings.Replace(s.URL(), "rediss:", "redis:", 1):          "",
	} {
		_, err := look(url)
		if err == nil || !strings.HasPrefix(err.Error(), "look at Redis on 127.0.0.1:") || !strings.Contains(err.Error(), words) ||
			strings.Contains(err.Error(), redistest.Password) || strings.Contains(err.Error(), "n0t-it") {
			t.Errorf("%v", err)
		}
	}
}
