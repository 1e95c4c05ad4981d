package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/freshet/freshet/internal/event"
)

// TestSilent asks a server that takes connections and says nothing. That it is away is not taken for the asker's time being over, and it
// is soon left alone.
func TestSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	o := Options{Target: Target{Address: l.Addr().String(), Database: "silent"}}
	o.defaults()
	c := newClient(&o)
	defer c.close()
	c.options.HandshakeTimeout, c.options.DialTimeout = 20*time.Millisecond, 20*time.Millisecond
	ask := func(ctx context.Context) error {
		return told(c.each(ctx, "ask", ch.Query{Body: "SELECT 1"}, func(proto.Results) error { return nil }))
	}
	over, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := ask(over); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the asker's time is over: %v", err)
	}
	for n := 0; ; n++ {
		err := ask(t.Context())
		var e *event.Error
		if !errors.As(err, &e) || e.Code != "store_away" || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("question %d: %v", n, err)
		}
		if errors.Is(err, ErrAway) {
			break
		}
		if n > breakAfter {
			t.Fatal("a server that does not answer is asked again and again")
		}
	}
}

// TestStopping has a server that stops answer what it was asked: it is away then, and that passes.
func TestStopping(t *testing.T) {
	for code, again := range map[proto.Error]bool{proto.ErrAborted: true, proto.ErrQueryWasCancelled: false} {
		err := fmt.Errorf("handle packet: %w", &ch.Exception{Code: code, Name: "DB::Exception"})
		var e *event.Error
		if !errors.As(told(err), &e) || e.Code != "store_away" || e.Kind != event.Unavailable || e.Wait == 0 {
			t.Errorf("%s is told as %v", code, told(err))
		}
		if passes(err) != again || passes(late{err}) {
			t.Errorf("%s is tried again: %t", code, passes(err))
		}
	}
}
