package kafka

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Target is a topic of a cluster, as its URL says: kafka://host:9092,host2:9092/topic, or kafkas:// for TLS.
// A user and a password go before the hosts; sasl says how they are shown, scram-sha-512 when it does not. partition is the number of the
// topic's partition that is the log, 0 when it is not named.
type Target struct {
	Brokers        []string
	Topic          string
	TLS            bool
	User, Password string
	// Mechanism is "plain", "scram-sha-256" or "scram-sha-512"; empty without a user.
	Mechanism string
	// Partition is the one that is the log.
	Partition int32
}

const (
	form        = "kafka://user:password@host:9092,host2:9092/topic"
	defaultPort = "9092"
)

// ParseURL reads a URL. No error shows the password.
func ParseURL(text string) (t Target, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	switch scheme {
	case "kafka":
	case "kafkas":
		t.TLS = true
	default:
		return Target{}, errors.New("the log's URL begins neither with kafka:// nor with kafkas://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	place, topic, _ := strings.Cut(rest, "/")
	if i := strings.LastIndex(place, "@"); i >= 0 {
		user, password, _ := strings.Cut(place[:i], ":")
		if t.User, err = url.PathUnescape(user); err == nil {
			t.Password, err = url.PathUnescape(password)
		}
		if err != nil {
			return Target{}, errors.New("the user or the password in the log's URL cannot be read; in them % is %25, / is %2F and @ is %40")
		}
		place = place[i+1:]
	}
	if err := t.topic(topic); err != nil {
		return Target{}, err
	}
	for broker := range strings.SplitSeq(place, ",") {
		if broker == "" {
			return Target{}, errors.New("the log's URL must name a host and a topic: " + form)
		}
		if _, _, err := net.SplitHostPort(broker); err != nil {
			broker = net.JoinHostPort(strings.Trim(broker, "[]"), defaultPort)
		}
		t.Brokers = append(t.Brokers, broker)
	}
	return t, t.options(query)
}

// topic takes the name of a topic, which Kafka bounds so.
func (t *Target) topic(name string) error {
	if name == "" || len(name) > 249 || name == "." || name == ".." {
		return errors.New("the log's URL must name a topic: " + form)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c) {
			return fmt.Errorf("the topic %q has a %q; Kafka takes letters, digits, dots, dashes and underscores", name, c)
		}
	}
	t.Topic = name
	return nil
}

func (t *Target) options(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("what follows the ? of the log's URL cannot be read")
	}
	for name := range values {
		if name != "sasl" && name != "partition" {
			return fmt.Errorf("the log's URL has an option %q; there are sasl and partition", name)
		}
	}
	if text := values.Get("partition"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("the log's URL has partition=%s; partitions are numbered from 0", text)
		}
		t.Partition = int32(n)
	}
	t.Mechanism = values.Get("sasl")
	if t.Mechanism == "" && t.User != "" {
		t.Mechanism = "scram-sha-512"
	}
	switch t.Mechanism {
	case "":
	case "plain", "scram-sha-256", "scram-sha-512":
		if t.User == "" {
			return errors.New("the log's URL has sasl, and no user and password for it: " + form)
		}
	default:
		return fmt.Errorf("the log's URL has sasl=%s; there are plain, scram-sha-256 and scram-sha-512", t.Mechanism)
	}
	return nil
}

// String names the topic and its cluster, without secrets.
func (t *Target) String() string {
	name := t.Topic
	if t.Partition > 0 {
		name += fmt.Sprintf(", partition %d,", t.Partition)
	}
	return name + " on " + strings.Join(t.Brokers, ", ")
}
