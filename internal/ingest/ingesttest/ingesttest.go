// Package ingesttest holds what the decoders of all wire formats are tested with: captured requests and what they become,
// and the rules that every event of every decoder keeps.
package ingesttest

import (
	"net/http"
	"testing"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// ReceivedAt is the server's clock of a Request: 2026-12-01 00:00 UTC in microseconds.
const ReceivedAt = 1_796_083_200_000_000

// Request is a POST with a key and the usual limits; the caller changes what is different.
func Request(path string, body []byte) *ingest.Request {
	return &ingest.Request{
		Method: http.MethodPost, Path: path, Header: http.Header{}, Body: body, Key: "k", Limits: ingest.DefaultLimits(),
		Parser: new(jsontree.Parser), ReceivedAt: ReceivedAt,
	}
}

// Decode is what a request becomes, each in the order of the log. A request that is refused as a whole fails the test.
func Decode(t testing.TB, p ingest.Protocol, r *ingest.Request) (events []event.Event, dead []event.Dead) {
	t.Helper()
	payload, err := ingest.Decode(p, r)
	if err != nil {
		t.Fatalf("%s %s is refused: %v", r.Method, r.Path, err)
	}
	var d event.Decoder
	if err := d.Open(payload); err != nil {
		t.Fatal(err)
	}
	for range d.Items {
		var e event.Event
		switch letter, _, err := d.Next(&e); {
		case err != nil:
			t.Fatal(err)
		case letter != nil:
			dead = append(dead, *letter)
		default:
			events = append(events, e)
		}
	}
	return events, dead
}
