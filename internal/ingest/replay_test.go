package ingest_test

import (
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

func TestReplay(t *testing.T) {
	_, h, log := handler(t)
	end := func() eventlog.Position {
		_, end := log.Bounds()
		return end
	}
	for name, c := range map[string]struct {
		letter store.DeadLetter
		code   string
	}{
		"mended by a newer version": {store.DeadLetter{
			Project: 1, Stage: "decode", Protocol: "segment", ReceivedAt: 1,
			Body: []byte(`{"type":"track","event":"a","userId":"u","messageId":"m1"}`),
		}, ""},
		"native": {store.DeadLetter{Project: 1, Stage: "decode", Protocol: "native", Body: []byte(`{"event":"a","user_id":"u"}`)}, ""},
		"still without an identity": {
			store.DeadLetter{Project: 1, Stage: "decode", Protocol: "native", Body: []byte(`{"event":"a"}`)},
			"missing_identity",
		},
		"still not JSON":          {store.DeadLetter{Project: 1, Stage: "decode", Protocol: "native", Body: []byte(`{"event":`)}, "malformed_json"},
		"several in one":          {store.DeadLetter{Project: 1, Stage: "decode", Protocol: "native", Body: []byte(`{},{}`)}, "malformed_json"},
		"cut":                     {store.DeadLetter{Project: 1, Stage: "decode", Protocol: "native", Body: make([]byte, 64<<10)}, "truncated"},
		"of a format nobody has":  {store.DeadLetter{Project: 1, Stage: "decode", Protocol: "x", Body: []byte(`{}`)}, "unknown_protocol"},
		"with the id of another":  {store.DeadLetter{Project: 1, Stage: "process", Code: store.CodeConflict, Body: []byte{1}}, "id_conflict"},
		"of a record cut in half": {store.DeadLetter{Project: 1, Stage: "process", Body: []byte{1, 1}}, "malformed_record"},
	} {
		before := end()
		dry, err := h.Replay(t.Context(), c.letter, true)
		if err != nil || dry.Code != c.code || end() != before {
			t.Errorf("%s: dry run %+v, %v; log from %d to %d", name, dry, err, before, end())
		}
		out, err := h.Replay(t.Context(), c.letter, false)
		if err != nil || out.Code != c.code {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if appended := end() - before; (appended == 1) != (c.code == "") {
			t.Errorf("%s: %d events appended", name, appended)
		}
	}
}
