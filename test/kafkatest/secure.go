package kafkatest

import (
	"fmt"
	"testing"

	"github.com/freshet/freshet/test/certificate"
)

// User and Password are those of a Secure broker, by every mechanism. The password needs to be quoted in a URL.
const (
	User     = "freshet"
	Password = "k@fka/s3cret%"
)

// Secure is a broker that has listeners with TLS and SASL beside the plain one of Server, which is its own.
type Secure struct {
	*Server

	// Authority is a file with the certificate of who has signed the broker's.
	Authority string
	addresses map[string]string
}

// listeners are those of a Secure broker, with their protocols. That of STRANGER has a certificate of another authority.
var listeners = map[string]string{"SSL": "SSL", "SASL_SSL": "SASL_SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT", "STRANGER": "SSL"}

// StartSecure starts a broker that ends with the test.
func StartSecure(t testing.TB) *Secure {
	t.Helper()
	s := &Secure{Server: prepare(t, 1), addresses: map[string]string{}}
	broker, stranger := certificate.Make(t), certificate.Make(t)
	s.Authority = broker.Authority
	var open []Listener
	for name, protocol := range listeners {
		s.addresses[name] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
		open = append(open, Listener{s.addresses[name], s.addresses[name], name, protocol})
	}
	more := fmt.Sprintf(`ssl.keystore.type=PEM
ssl.keystore.location=%s
listener.name.stranger.ssl.keystore.type=PEM
listener.name.stranger.ssl.keystore.location=%s
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
`, broker.Both, stranger.Both)
	for _, l := range []string{"sasl_ssl", "sasl_plaintext"} {
		for mechanism, module := range map[string]string{
			"plain":         fmt.Sprintf("plain.PlainLoginModule required user_%s=%q", User, Password),
			"scram-sha-256": "scram.ScramLoginModule required",
			"scram-sha-512": "scram.ScramLoginModule required",
		} {
			more += fmt.Sprintf("listener.name.%s.%s.sasl.jaas.config=org.apache.kafka.common.security.%s;\n", l, mechanism, module)
		}
	}
	s.configure(settings{listeners: open, more: more})
	scram := fmt.Sprintf("=[name=%s,password=%s]", User, Password)
	s.format("--add-scram", "SCRAM-SHA-256"+scram, "--add-scram", "SCRAM-SHA-512"+scram)
	s.Run()
	return s
}

// ListenerURL is that of a topic on one of the listeners SSL, SASL_SSL, SASL_PLAINTEXT and STRANGER, without a user.
func (s *Secure) ListenerURL(listener, topic string) string {
	scheme := "kafkas"
	if listener == "SASL_PLAINTEXT" {
		scheme = "kafka"
	}
	return fmt.Sprintf("%s://%s/%s", scheme, s.addresses[listener], topic)
}
