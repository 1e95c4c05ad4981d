package query_test

import (
	"encoding/json"

	"pgregory.net/rapid"

	"github.com/freshet/freshet/internal/query"
)

func drawSignedOut(t *rapid.T) string {
	return rapid.SampledFrom(append([]string{"", ""}, query.SignedOuts()...)).Draw(t, "signed out")
}

// attribute says how a question attributes what phones did that somebody had signed out of.
func (o *oracle) attribute(signedOut string) {
	if last := signedOut == "last_user"; last != o.last {
		o.last, o.kept = last, nil
	}
}

// attributed does so for a question of any kind, and returns its word for it.
func (o *oracle) attributed(t interface{ Fatal(...any) }, question any) string {
	var q struct {
		SignedOut string `json:"signed_out"`
	}
	if err := json.Unmarshal([]byte(asJSON(question)), &q); err != nil {
		t.Fatal(err)
	}
	o.attribute(q.SignedOut)
	return q.SignedOut
}
