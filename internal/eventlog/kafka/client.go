package kafka

import (
	"crypto/tls"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const dialTimeout = 3 * time.Second

// newClient makes a client, which reaches for nobody yet.
func newClient(o *Options, more ...kgo.Opt) (*kgo.Client, error) {
	t := &o.Target
	opts := []kgo.Opt{
		kgo.SeedBrokers(t.Brokers...), kgo.ClientID("freshet"), kgo.DialTimeout(dialTimeout),
		kgo.RequestTimeoutOverhead(askFor), kgo.RetryTimeout(askFor), kgo.MetadataMinAge(250 * time.Millisecond),
	}
	if t.TLS {
		opts = append(opts, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	switch t.Mechanism {
	case "plain":
		opts = append(opts, kgo.SASL(plain.Auth{User: t.User, Pass: t.Password}.AsMechanism()))
	case "scram-sha-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: t.User, Pass: t.Password}.AsSha256Mechanism()))
	case "scram-sha-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: t.User, Pass: t.Password}.AsSha512Mechanism()))
	}
	return kgo.NewClient(append(opts, more...)...)
}
