package query_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
)

func TestWait(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer s.Close()
	h := &history{zone: time.UTC, events: []event.Event{{Name: "a", ID: "1"}}}
	e := engine(t, query.Options{Store: s})
	before, _ := e.Version(1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	var late *event.Error
	if err := e.Wait(ctx, 1, 1); !errors.As(err, &late) || late.Kind != event.Timeout || late.Code != "not_visible_yet" {
		t.Fatalf("waited for nothing and got %v", err)
	}
	h.add(t, s, 0, 1)
	if err := e.Wait(context.Background(), 1, 1); err != nil {
		t.Fatal(err)
	}
	if after, w := e.Version(1); after == before || w.Position != 1 {
		t.Fatalf("version %d before and %d after the commit of position %d", before, after, w.Position)
	}
}
