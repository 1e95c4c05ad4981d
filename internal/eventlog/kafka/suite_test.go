//go:build cluster

package kafka

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"testing"

	"github.com/freshet/freshet/internal/eventlog/eventlogtest"
	"github.com/freshet/freshet/test/kafkatest"
)

func TestSuite(t *testing.T) {
	server := kafkatest.Start(t)
	eventlogtest.Run(t, func(t *testing.T, dir string) eventlogtest.Log {
		h := fnv.New64a()
		_, _ = h.Write([]byte(dir))
		return openTest(t, server, fmt.Sprintf("events-%x", h.Sum64()))
	})
}

// openTest opens a topic of a test.
func openTest(t *testing.T, server *kafkatest.Server, topic string) *Log {
	t.Helper()
	target, err := ParseURL(server.URL(topic))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(context.Background(), Options{Target: target, Replicas: 1, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
