package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// errAnswer is an answer that is no HTTP as this package reads it.
var errAnswer = errors.New("unreadable answer")

const answerTimeout = 60 * time.Second

// conn is a kept connection that speaks just enough HTTP/1.1, at a fraction of net/http's cost.
type conn struct {
	net    net.Conn
	reader *bufio.Reader
	closes bool
}

func dial(ctx context.Context, address string) (*conn, error) {
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{net: c, reader: bufio.NewReaderSize(c, 4096)}, nil
}

func (c *conn) close() { _ = c.net.Close() }

var (
	headLength   = []byte("content-length:")
	headPosition = []byte("freshet-position:")
	headChunked  = []byte("transfer-encoding:")
	headClose    = []byte("connection: close")
)

// roundTrip sends a whole request and reads the answer to its end.
func (c *conn) roundTrip(request []byte) (status int, position uint64, err error) {
	if c.closes {
		return 0, 0, fmt.Errorf("%w: the server closed the connection", net.ErrClosed)
	}
	if err := c.net.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, 0, err
	}
	if _, err := c.net.Write(request); err != nil {
		return 0, 0, err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, 0, fmt.Errorf("%w: %q", errAnswer, line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, fmt.Errorf("%w: %q", errAnswer, line)
	}
	length := 0
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		switch {
		case hasPrefixFold(line, headLength):
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(headLength):])))
		case hasPrefixFold(line, headPosition):
			position, err = strconv.ParseUint(string(bytes.TrimSpace(line[len(headPosition):])), 10, 64)
		case hasPrefixFold(line, headChunked):
			err = errors.ErrUnsupported // the answers of an ingesting server are short
		case hasPrefixFold(line, headClose):
			c.closes = true
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %q", errAnswer, line)
		}
	}
	_, err = c.reader.Discard(length)
	return status, position, err
}

func hasPrefixFold(line, prefix []byte) bool {
	return len(line) >= len(prefix) && bytes.EqualFold(line[:len(prefix)], prefix)
}
