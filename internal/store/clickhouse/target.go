package clickhouse

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Target is a database on a server, as its URL says:
// clickhouse://user:password@host:9000/database, or clickhouses:// for TLS. With ?cluster=name the events are spread over the shards of a
// cluster that the server knows.
type Target struct {
	Address, User, Password, Database string
	TLS                               bool
	Cluster                           string
}

// ParseURL reads a URL. The database must be named.
func ParseURL(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The error would show the password.
		return Target{}, errors.New("the store's URL cannot be read; write clickhouse://user:password@host:9000/database")
	}
	t := Target{User: "default", Database: strings.Trim(u.Path, "/")}
	port := "9000"
	switch u.Scheme {
	case "clickhouse":
	case "clickhouses":
		t.TLS, port = true, "9440"
	default:
		return Target{}, fmt.Errorf("the store's URL begins with %q, not with clickhouse:// or clickhouses://", u.Scheme)
	}
	if u.User != nil {
		t.User = u.User.Username()
		t.Password, _ = u.User.Password()
	}
	if u.Hostname() == "" || t.Database == "" || strings.Contains(t.Database, "/") {
		return Target{}, errors.New("the store's URL must name a host and a database: clickhouse://user:password@host:9000/database")
	}
	if p := u.Port(); p != "" {
		port = p
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Target{}, errors.New("what follows the ? in the store's URL cannot be read; there is ?cluster=name")
	}
	for name, values := range parameters {
		if name != "cluster" || len(values) != 1 || values[0] == "" {
			return Target{}, errors.New("the store's URL says something else behind the ? than once cluster=name, the name of a cluster that the server knows")
		}
		t.Cluster = values[0]
	}
	t.Address = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// local tells that the server is on this machine: what is sent goes through memory only.
func (t *Target) local() bool {
	host, _, _ := net.SplitHostPort(t.Address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
