package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Target is a server, as its URL says: redis://user:password@host:6379/0, or rediss:// for TLS.
type Target struct {
	Address, User, Password string
	// Database is its number, 0 to 15 on most servers.
	Database int
	TLS      bool
}

// ParseURL reads a URL. Its errors do not show the password.
func ParseURL(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, errors.New("the cache's URL cannot be read; write redis://user:password@host:6379")
	}
	var t Target
	switch u.Scheme {
	case "redis":
	case "rediss":
		t.TLS = true
	default:
		return Target{}, fmt.Errorf("the cache's URL begins with %q, not with redis:// or rediss://", u.Scheme)
	}
	if u.User != nil {
		t.User = u.User.Username()
		t.Password, _ = u.User.Password()
	}
	if number := strings.Trim(u.Path, "/"); number != "" {
		if t.Database, err = strconv.Atoi(number); err != nil || t.Database < 0 {
			return Target{}, fmt.Errorf("the cache's URL names the database %q; Redis has numbers", number)
		}
	}
	if u.Hostname() == "" || u.RawQuery != "" {
		return Target{}, errors.New("the cache's URL must name a host and nothing behind the database: redis://user:password@host:6379/0")
	}
	port := "6379"
	if p := u.Port(); p != "" {
		port = p
	}
	t.Address = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// exposed tells that the connection is not encrypted and leaves the machine.
func (t *Target) exposed() bool {
	host, _, _ := net.SplitHostPort(t.Address)
	ip := net.ParseIP(host)
	return !t.TLS && host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// option is how a client connects. What a call may take is the caller's to say; this bounds a connection without an answer.
func (t *Target) option() rueidis.ClientOption {
	o := rueidis.ClientOption{
		InitAddress: []string{t.Address}, Username: t.User, Password: t.Password, SelectDB: t.Database, ClientName: "freshet",
		Dialer: net.Dialer{Timeout: dialTimeout}, ConnWriteTimeout: silence, DisableRetry: true, DisableCache: true, ForceSingleClient: true,
		PipelineMultiplex: -1, ReadBufferEachConn: 64 << 10, WriteBufferEachConn: 64 << 10,
	}
	if t.TLS {
		host, _, _ := net.SplitHostPort(t.Address)
		o.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	return o
}
