package ingest_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// TestAppendJSON looks into values and wants them to be what they were.
func TestAppendJSON(t *testing.T) {
	for _, text := range []string{
		`{"a\u0007\u007f\"":["\u0000\u001b\\",{"b\n":"\u00e4\u200b\ud83d\ude42\u2028"},null,true,1.50,-0],"":{}}`, `"\udbff\udfff"`, `[]`, `12345678901234567890`,
	} {
		v := parse(t, text)
		got := ingest.AppendJSON(ingest.AppendJSON(nil, v)[:0], v)
		var want, have any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got, &have); err != nil || !reflect.DeepEqual(want, have) {
			t.Errorf("%s became %s: %v", text, got, err)
		}
	}
	v := parse(t, "\"a\xffb\\u0007\"")
	if got := string(ingest.AppendJSON(nil, v)); got != "\"a\xffb\\u0007\"" {
		t.Errorf("bytes that are no UTF-8 became %q", got)
	}
}

func parse(t *testing.T, text string) *jsontree.Value {
	t.Helper()
	v, err := new(jsontree.Parser).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
