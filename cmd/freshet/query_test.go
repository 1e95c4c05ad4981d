package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestQuestionOfOptions holds the question that options make against the one that is meant.
func TestQuestionOfOptions(t *testing.T) {
	c := queryCmd{
		Event: []string{"purchase"}, Aggregate: "sum", Property: "unit price as number", Interval: "day", From: "-7d", To: "now",
		Breakdown: []string{"$country", "level as number"},
		Where:     []string{"plan is pro", "level as number gte 5", "age as number is_set", "name is as number", "sizes in [1,2]", "as is_set"},
	}
	body, err := c.question(strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"trends","range":{"from":"-7d","to":"now"},"interval":"day",
		"series":[{"id":"A","events":["purchase"],"aggregate":"sum","property":"unit price","as":"number"}],
		"breakdown":[{"property":"$country"},{"property":"level","as":"number"}],
		"where":{"and":[{"property":"plan","op":"is","value":"pro"},{"property":"level","as":"number","op":"gte","value":5},
			{"property":"age","as":"number","op":"is_set"},{"property":"name","op":"is","value":"as number"},
			{"property":"sizes","op":"in","value":[1,2]},{"property":"as","op":"is_set"}]}}`
	if got, want := plainly(t, string(body)), plainly(t, want); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for _, text := range []string{"", "plan", "plan as number", "plan as text is pro", "plan as"} {
		if f, err := condition(text); err == nil {
			t.Errorf("%q is taken as %v", text, f)
		}
	}
}

// plainly is JSON with its members in order and nothing between them.
func plainly(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
