package rest

import (
	"net/url"
	"testing"
)

func TestEventsAndPropertiesAreDescribed(t *testing.T) {
	w := newWorld(t)
	w.add(1, "buy", 3)
	const buy = "/v1/schema/events/buy"
	for _, s := range []struct {
		path, body     string
		header, value  string
		status         int
		tag, code, fld string
	}{
		{buy, `{"owner":"Growth"}`, "If-Match", `"1"`, 412, "", "note_changed", ""},
		{buy, `{"owner":"Growth"}`, "If-None-Match", `*`, 200, `"1"`, "", ""},
		{buy, `{"owner":"Growth"}`, "If-None-Match", `*`, 412, "", "note_changed", ""},
		{buy, `{"description":"Paid.\nOnce."}`, "If-Match", `"1"`, 200, `"2"`, "", ""},
		{buy, `{"description":"Late"}`, "If-Match", `"1"`, 412, "", "note_changed", ""},
		{buy, `{"description":"Late"}`, "If-Match", `"one"`, 412, "", "note_changed", ""},
		{buy, `{"description":"Late"}`, "If-None-Match", `"2"`, 400, "", "invalid_parameter", "If-None-Match"},
		{buy, `{"owner":"a\nb"}`, "", "", 400, "", "bad_owner", "owner"},
		{buy, `{"description":"a\u202eb"}`, "", "", 400, "", "bad_description", "description"},
		{buy, `{"summary":"x"}`, "", "", 400, "", "unknown_field", "summary"},
		{buy, ``, "", "", 400, "", "missing_body", ""},
		{"/v1/schema/properties/amount", `{"description":"In euros"}`, "", "", 200, `"1"`, "", ""},
		{"/v1/schema/events/" + url.PathEscape("a/b %2F?☂//"), `{"description":"Odd"}`, "", "", 200, `"1"`, "", ""},
	} {
		header := []string{s.header, s.value}
		if s.header == "" {
			header = nil
		}
		got := w.ask("1 admin", "PATCH", s.path, s.body, header...)
		if got.Code != s.status || got.Header().Get("ETag") != s.tag {
			t.Fatalf("%+v: %d %q %s", s, got.Code, got.Header().Get("ETag"), got.Body)
		}
		if s.code != "" {
			if p := got.problem(); p.Code != s.code || p.Field != s.fld {
				t.Errorf("%+v: %+v", s, p)
			}
		}
	}
	var schema schemaView
	w.ask("1 read", "GET", "/v1/schema", "").json(&schema)
	if e := schema.Events[0]; e.Name != "buy" || e.Count != 3 || e.Description != "Paid.\nOnce." || e.Owner != "Growth" || e.NoteVersion != 2 {
		t.Errorf("%+v", e)
	}
	if p := schema.Properties[0]; p.Key != "amount" || !p.Column || p.Description != "In euros" {
		t.Errorf("%+v", p)
	}
	var notes struct{ Notes []noteView }
	w.ask("1 read", "GET", "/v1/schema/notes", "").json(&notes)
	if len(notes.Notes) != 3 || notes.Notes[0].Name != "a/b %2F?☂//" || notes.Notes[2].Kind != "property" {
		t.Errorf("%+v", notes)
	}
	w.ask("2 read", "GET", "/v1/schema/notes", "").json(&notes)
	if len(notes.Notes) != 0 {
		t.Errorf("another project has %+v", notes)
	}
	var trail struct{ Entries []auditEntry }
	w.ask("1 admin", "GET", "/v1/audit?limit=1", "").json(&trail)
	if e := trail.Entries[0]; e.Action != "note.update" || e.Project != 1 {
		t.Errorf("%+v", e)
	}
}
