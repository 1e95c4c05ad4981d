package clickhouse

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/event"
)

// oneAway are the errors of a server that does not get an answer from another one: a shard is away.
var oneAway = []proto.Error{
	proto.ErrAllConnectionTriesFailed, proto.ErrNetworkError, proto.ErrSocketTimeout, proto.ErrAttemptToReadAfterEOF, proto.ErrCannotReadFromSocket, proto.ErrDNSError,
}

func shardAway(err error) bool { return ch.IsErr(err, oneAway...) }

// told is an error of a question in the words that its asker is to read.
func told(err error) error {
	if err == nil || errors.Is(err, errStop) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var network net.Error
	switch {
	case ch.IsErr(err, proto.ErrMemoryLimitExceeded):
		return &event.Error{
			Kind: event.TooLarge, Code: "query_memory", Err: err,
			Message: "the question needs more memory than a statement may take in the store; ask for less at a time",
		}
	case ch.IsErr(err, proto.ErrTimeoutExceeded):
		return &event.Error{
			Kind: event.Timeout, Code: "query_timeout", Err: err,
			Message: "the question took longer than the store lets a statement take; ask for less at a time",
		}
	case ch.IsErr(err, proto.ErrTooManySimultaneousQueries):
		return &event.Error{Kind: event.Overloaded, Code: "store_busy", Err: err, Wait: time.Second, Message: "the store runs as many statements as it may"}
	case ch.IsErr(err, proto.ErrAborted, proto.ErrQueryWasCancelled):
		return &event.Error{Kind: event.Unavailable, Code: "store_away", Err: err, Wait: time.Minute, Message: "the store is stopping; events are accepted, answers follow"}
	case ch.IsErr(err, proto.ErrFunctionThrowIfValueIsNonZero):
		return &event.Error{
			Kind: event.Unavailable, Code: "store_away", Err: err, Wait: time.Minute,
			Message: "the store does not have the shards any more over which its events are spread; events are accepted, answers follow",
		}
	case errors.Is(err, ErrAway) || errors.Is(err, errSilent) || shardAway(err) || !ch.IsException(err) && (errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, ch.ErrClosed)):
		return &event.Error{Kind: event.Unavailable, Code: "store_away", Err: err, Wait: time.Minute, Message: "the store does not answer; events are accepted, answers follow"}
	}
	return err
}
