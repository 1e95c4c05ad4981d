package clickhouse

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Target is a database on a server, as its URL says:
// clickhouse://user:password@host:9000/database, or clickhouses:// for TLS.
type Target struct {
	Address, User, Password, Database string
	TLS                               bool
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
	t.Address = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}
