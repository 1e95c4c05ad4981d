//go:build cluster

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/test/kafkatest"
)

// TestSecure writes and reads over TLS, with each way to show a password, and has what is wrong said in words.
func TestSecure(t *testing.T) {
	k := kafkatest.StartSecure(t)
	t.Setenv("SSL_CERT_FILE", k.Authority) // A process reads it once. Nothing in these tests has looked for certificates before.
	with := func(listener, topic, password, mechanism string) Options {
		text := k.ListenerURL(listener, topic)
		if mechanism != "" {
			text = strings.Replace(text, "://", "://"+url.UserPassword(kafkatest.User, password).String()+"@", 1) + "?sasl=" + mechanism
		}
		target, err := ParseURL(text)
		if err != nil {
			t.Fatal(err)
		}
		return Options{Target: target, Replicas: 1, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	}
	mechanisms := []string{"plain", "scram-sha-256", "scram-sha-512"}
	for listener, ways := range map[string][]string{"SSL": {""}, "SASL_SSL": mechanisms, "SASL_PLAINTEXT": mechanisms} {
		for _, way := range ways {
			name := strings.TrimSuffix(listener+" "+way, " ")
			t.Run(name, func(t *testing.T) {
				writesAndReads(t, with(listener, "events-"+strings.ReplaceAll(name, " ", "-"), kafkatest.Password, way))
			})
		}
	}
	for what, wrong := range map[string]struct {
		Options

		words string
		is    error
	}{
		"a wrong password, plain":         {with("SASL_SSL", "events", "n0t-it", "plain"), "Authentication failed", kerr.SaslAuthenticationFailed},
		"a wrong password, scram-sha-256": {with("SASL_SSL", "events", "n0t-it", "scram-sha-256"), "credentials", kerr.SaslAuthenticationFailed},
		"a wrong password, scram-sha-512": {with("SASL_PLAINTEXT", "events", "n0t-it", "scram-sha-512"), "credentials", kerr.SaslAuthenticationFailed},
		"another authority":               {with("STRANGER", "events", "", ""), "certificate signed by unknown authority", nil},
		"no TLS where there is":           {plainly(with("SSL", "events", "", "")), "", nil},
		"TLS where there is none":         {with("SASL_PLAINTEXT", "events", "", ""), "", nil},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := Open(context.Background(), wrong.Options)
			_, lookErr := Look(context.Background(), wrong.Options)
			for begins, err := range map[string]error{"open the log events on 127.0.0.1:": err, "look at the log events on 127.0.0.1:": lookErr} {
				if err == nil {
					t.Fatal("it is taken")
				}
				t.Log(err)
				if text := err.Error(); !strings.HasPrefix(text, begins) || !strings.Contains(text, wrong.words) ||
					strings.Contains(text, "n0t-it") || strings.Contains(text, kafkatest.Password) {
					t.Errorf("%s", text)
				}
				if wrong.is != nil && (!errors.Is(err, wrong.is) || !errors.Is(err, ErrUnusable)) {
					t.Errorf("%v: it does not pass by waiting", err)
				}
			}
		})
	}
}

func plainly(o Options) Options {
	o.Target.TLS = false
	return o
}

func writesAndReads(t *testing.T, o Options) {
	l, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	const events = 3
	for i := range events {
		if first, err := l.Append(t.Context(), eventlog.Record{Payload: fmt.Append(nil, "event ", i), Events: 1}); err != nil || first != eventlog.Position(i) {
			t.Fatalf("at %d: %v", first, err)
		}
	}
	for p, payload := range readAll(t, l, events) {
		if want := fmt.Sprint("event ", int(p)); payload != want {
			t.Errorf("position %d has %q", p, payload)
		}
	}
	if found, err := Look(t.Context(), o); err != nil || found.End != events {
		t.Errorf("%+v %v", found, err)
	}
}
