// Package ingesttest holds what every decoder of a wire format is tested with: the rules that any event from any bytes
// keeps, and golden files of what real payloads become.
package ingesttest

import (
	"net/http"
	"testing"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// ReceivedAt is the server's clock of a Request: 2026-12-01 00:00 UTC in microseconds.
const ReceivedAt = 1_796_083_200_000_000

// Request is a POST with a key and the usual limits; the caller changes what is different.
func Request(path string, body []byte) *ingest.Request {
	return &ingest.Request{
		Method: http.MethodPost, Path: path, Header: http.Header{}, Body: body, Key: "k", Limits: ingest.DefaultLimits(),
		Parser: new(fastjson.Parser), ReceivedAt: ReceivedAt,
	}
}

// Decode reads a request as the door would, and fails the test when it is refused as a whole.
func Decode(t testing.TB, p ingest.Protocol, r *ingest.Request) (events []event.Event, dead []event.Dead) {
	t.Helper()
	payload, err := ingest.Decode(p, r)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return read(t, payload)
}

func read(t testing.TB, payload []byte) (events []event.Event, dead []event.Dead) {
	t.Helper()
	var d event.Decoder
	if err := d.Open(payload); err != nil {
		t.Fatal(err)
	}
	for {
		var e event.Event
		letter, ok, err := d.Next(&e)
		switch {
		case err != nil:
			t.Fatal(err)
		case !ok:
			return events, dead
		case letter != nil:
			dead = append(dead, *letter)
		default:
			events = append(events, e)
		}
	}
}
