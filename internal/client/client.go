// Package client talks to a Freshet server over its HTTP API: the commands of the binary are its users. It retries what
// may be retried (events carry ids, so sending them again changes nothing) and turns problem details into errors.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client is a server and the key to use there.
type Client struct {
	base string
	key  string
	http *http.Client
}

// New makes a client of the server at base, such as http://localhost:8080. conns is how many connections are kept.
func New(base, key string, conns int) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a server such as http://localhost:8080", base)
	}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   max(conns, 2),
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
	}
	return &Client{base: strings.TrimSuffix(base, "/"), key: key, http: &http.Client{Transport: t}}, nil
}

// Over is New with another way to the server than connections of its own.
func Over(t http.RoundTripper, base, key string) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), key: key, http: &http.Client{Transport: t}}
}

// Base is the server's address.
func (c *Client) Base() string { return c.base }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Error is an answer other than success.
type Error struct {
	Status              int
	Title, Code, Detail string
	Field               string
	// RetryAfter is the wait that the server asks for, 0 for none.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	s := e.Detail
	if s == "" {
		s = e.Title
	}
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Code != "" {
		return fmt.Sprintf("the server refused (%d %s): %s", e.Status, e.Code, s)
	}
	return fmt.Sprintf("the server refused (%d): %s", e.Status, s)
}

// Temporary tells whether the same request may succeed later, before whoever waits for it has gone: a project that has all the events of a month
// is nothing to wait for.
func (e *Error) Temporary() bool {
	return e.Code != "project_quota" && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout || e.Status >= 500)
}

// Request is one call.
type Request struct {
	Method, Path string
	Query        url.Values
	Header       map[string]string
	// Body is sent as Type, application/json if that is empty.
	Body []byte
	Type string
}

// Do sends a request once and returns a successful answer, whose body the caller closes.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	address := c.base + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Type != "" {
		req.Header.Set("Content-Type", r.Type)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for k, v := range r.Header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

func readError(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var p struct {
		Title, Code, Detail, Field string
		Errors                     []struct{ Message, Location string }
	}
	if json.Unmarshal(b, &p) == nil {
		e.Code, e.Detail, e.Field = p.Code, p.Detail, p.Field
		for _, d := range p.Errors {
			e.Detail += "; " + strings.TrimSpace(d.Location+" "+d.Message)
		}
	} else if text := strings.TrimSpace(string(b)); text != "" && len(text) < 500 {
		e.Detail = text
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

// JSON sends in (nil for none) and reads the answer into out (nil to ignore it).
func (c *Client) JSON(ctx context.Context, r Request, in, out any) error {
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		r.Body = b
	}
	resp, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.Path, err)
	}
	return nil
}

// Servers ask phones for a minute and more, to spread them, but this client is one, watched by somebody: maxWait bounds the
// wait between two tries (of which up to twice as much is drawn), maxAsked what it waits because it was asked to.
const (
	maxWait  = 20 * time.Second
	maxAsked = 2 * time.Second
)

// Send posts events and tries again, until ctx ends, as long as the failure may pass. It returns the answer's body and
// the position after the events.
func (c *Client) Send(ctx context.Context, r Request) ([]byte, uint64, error) {
	r.Method = http.MethodPost
	wait := 100 * time.Millisecond
	for {
		body, position, err := c.once(ctx, r)
		var refused *Error
		if err == nil || ctx.Err() != nil || errors.As(err, &refused) && !refused.Temporary() {
			return body, position, err
		}
		pause := wait + rand.N(wait)
		if refused != nil && refused.RetryAfter > 0 && refused.Status == http.StatusTooManyRequests {
			pause = max(pause, min(refused.RetryAfter, maxAsked))
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, 0, err
		}
		wait = min(2*wait, maxWait)
	}
}

func (c *Client) once(ctx context.Context, r Request) ([]byte, uint64, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, 0, err
	}
	position, _ := strconv.ParseUint(resp.Header.Get("Freshet-Position"), 10, 64)
	return body, position, nil
}

// Watermark is the position up to which events are visible.
func (c *Client) Watermark(ctx context.Context) (uint64, error) {
	var status struct{ Watermark struct{ Position uint64 } }
	err := c.JSON(ctx, Request{Method: http.MethodGet, Path: "/v1/status"}, nil, &status)
	return status.Watermark.Position, err
}

// WaitVisible returns when everything before the position is visible; progress, if not nil, is told how far it is.
func (c *Client) WaitVisible(ctx context.Context, position uint64, progress func(uint64)) error {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		at, err := c.Watermark(ctx)
		var refused *Error
		if err != nil && (!errors.As(err, &refused) || !refused.Temporary()) {
			return err
		}
		if progress != nil {
			progress(at)
		}
		if err == nil && at >= position {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
