package query

import (
	"testing"

	"github.com/freshet/freshet/internal/store"
)

// TestRowsOfFormat2 have the ids of the device and the session in the column extra.
func TestRowsOfFormat2(t *testing.T) {
	r := newRowReader(&store.Schema{}, nil)
	row := make([]any, len(r.columns))
	for i, name := range r.columns {
		if name == "extra" {
			row[i] = `{"device_id":"d-1","session_id":"s-1"}`
		}
	}
	var e Event
	r.read(row, &e)
	if e.SessionID != "s-1" || string(e.Context) != `{"device":{"id":"d-1"}}` {
		t.Fatalf("session %q, context %s", e.SessionID, e.Context)
	}
}
