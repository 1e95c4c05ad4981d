package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store"
)

// builtIn are the columns that questions may name, with a dollar sign before them.
var builtIn = [...]string{
	"event", "country", "region", "city", "os", "os_version", "app_version", "app_build", "app_name", "app_namespace",
	"device_manufacturer", "device_model", "device_type", "browser", "locale", "timezone", "carrier", "network",
	"page_url", "page_path", "page_title", "referrer", "campaign_source", "campaign_medium", "campaign_name",
	"library", "library_version", "protocol", "user_id", "anonymous_id", "group_id", "kind",
}

// BuiltIn lists the names of the built-in properties, such as "$country".
func BuiltIn() []string {
	out := make([]string, len(builtIn))
	for i, c := range builtIn {
		out[i] = "$" + c
	}
	return out
}

// builtInColumn is the column of a built-in property.
func builtInColumn(name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "$"); ok {
		for _, c := range builtIn {
			if c == rest {
				return c, true
			}
		}
	}
	return "", false
}

// value is a property as SQL sees it: an expression for each type that it may have, "" for those it cannot have. All
// of them but json are null for a row whose value has another type.
type value struct {
	text, number, boolean, time string
	// json is a column of JSON values: what is not in a column of its own.
	json string
	// builtIn columns are never empty and have no other type.
	builtIn bool
	dialect store.Dialect
}

// texts are the expressions of text values. A text that looks like a time is kept as a time.
func (v *value) texts() []string {
	var out []string
	if v.text != "" {
		out = append(out, v.text)
	}
	if v.time != "" {
		out = append(out, v.dialect.TimeText(v.time))
	}
	if v.json != "" {
		out = append(out, v.jsonText())
	}
	return out
}

func (v *value) jsonText() string {
	return "CASE WHEN " + v.dialect.JSONType(v.json) + " = 'VARCHAR' THEN " + v.dialect.JSONText(v.json) + " END"
}

func (v *value) jsonNumber() string {
	return "CASE WHEN " + v.dialect.JSONType(v.json) + " NOT IN ('NULL', 'VARCHAR', 'BOOLEAN', 'OBJECT', 'ARRAY') THEN " + v.dialect.JSONNumber(v.json) + " END"
}

func (v *value) jsonBoolean() string {
	return "CASE WHEN " + v.dialect.JSONType(v.json) + " = 'BOOLEAN' THEN " + v.dialect.JSONBoolean(v.json) + " END"
}

// numeric is the number in the property, or null.
func (v *value) numeric() string {
	switch {
	case v.json == "" && v.number == "":
		return v.dialect.Cast("NULL", store.Float)
	case v.json == "":
		return v.number
	case v.number == "":
		return v.jsonNumber()
	}
	return "coalesce(" + v.number + ", " + v.jsonNumber() + ")"
}

// tagged is one text for every value: its type, a letter, and the value; null for a missing one. Of a built-in
// column it is the column. decodeTagged reads it.
func (v *value) tagged() string {
	switch {
	case v.builtIn:
		return v.text
	case v.text != "" && v.number+v.boolean+v.time+v.json == "":
		return "'s' || " + v.text
	}
	var b strings.Builder
	b.WriteString("CASE")
	add := func(column, expression string) {
		if column != "" {
			fmt.Fprintf(&b, " WHEN %s IS NOT NULL THEN %s", column, expression)
		}
	}
	add(v.text, "'s' || "+v.text)
	// Adding zero makes one zero of the two that there are.
	d := v.dialect
	add(v.number, "'n' || "+d.NumberText(v.number+" + 0"))
	add(v.boolean, "'b' || "+d.Cast(v.boolean, store.Text))
	add(v.time, "'s' || "+d.TimeText(v.time))
	if v.json != "" {
		fmt.Fprintf(&b, " WHEN %s IS NOT NULL THEN CASE %s WHEN 'NULL' THEN NULL"+
			" WHEN 'VARCHAR' THEN 's' || %s WHEN 'BOOLEAN' THEN 'b' || %[4]s"+
			" WHEN 'OBJECT' THEN 'j' || %[4]s WHEN 'ARRAY' THEN 'j' || %[4]s"+
			" ELSE 'n' || %[5]s END", v.json, d.JSONType(v.json), d.JSONText(v.json), d.JSONRaw(v.json), d.NumberText(d.JSONNumber(v.json)+" + 0"))
	}
	if b.Len() == len("CASE") {
		return d.Cast("NULL", store.Text)
	}
	b.WriteString(" END")
	return b.String()
}

// seenProperty is a property of a project that has no column.
type seenProperty struct {
	project store.ProjectID
	key     string
	person  bool
}

// maxKnown bounds how many properties without a column are remembered as seen.
const maxKnown = 100_000

// checkKnown returns an error for a property that no event of the cut has.
func (e *Engine) checkKnown(ctx context.Context, cut store.Cut, s Scope, ref PropertyRef, field string) error {
	person := ref.Of == ofPerson
	if !person {
		if _, ok := builtInColumn(ref.Property); ok {
			return nil
		}
		if len(cut.Schema().Properties[ref.Property]) > 0 {
			return nil
		}
	}
	seen := seenProperty{s.Project, ref.Property, person}
	e.mu.Lock()
	_, ok := e.known[seen]
	e.mu.Unlock()
	if ok {
		return nil
	}
	c := &compiler{dialect: cut.Dialect(), places: map[string]string{}}
	d, start := c.dialect, c.bind(memberStart(ref.Property))
	var q string
	if person {
		q = "SELECT 1 FROM " + cut.Events("traits", "kind") + " WHERE " + d.Contains("traits", start) + " AND kind <> 'group' AND (" +
			d.HasMember("traits", c.bind, plain(ref.Property)...) + " OR " + d.HasMember("traits", c.bind, inOps(event.SetOnce, ref.Property)...) + ") LIMIT 1"
	} else {
		q = "SELECT 1 FROM " + cut.Events("overflow") + " WHERE " + d.Contains("overflow", start) + " AND " +
			d.HasMember("overflow", c.bind, ref.Property) + " LIMIT 1"
	}
	found := false
	for _, err := range e.rows(ctx, cut, "property", q, c.args) {
		if err != nil {
			return err
		}
		found = true
	}
	if !found {
		return &event.Error{
			Kind: event.Invalid, Code: "unknown_property", Field: field,
			Message: fmt.Sprintf("no event has a property %s so far", quoteShort(ref.Property)),
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.known) >= maxKnown {
		clear(e.known)
	}
	e.known[seen] = struct{}{}
	return nil
}

// memberStart is how a member with the key begins in the JSON that the store writes: whoever looks for the key reads
// only rows that hold this text.
func memberStart(key string) string {
	return string(event.AppendJSONString(nil, key)) + ":"
}

// quoteShort quotes a text from a question for a message.
func quoteShort(s string) string {
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// PropertyColumns is how many columns the properties of a project have, and how many they may have.
func (e *Engine) PropertyColumns(ctx context.Context, s Scope) (used, limit int, err error) {
	cut, err := e.of(s.Project).Cut(ctx, s.Project)
	if err != nil {
		return 0, 0, fmt.Errorf("count the columns of properties: %w", err)
	}
	defer cut.Close()
	schema := cut.Schema()
	return len(propertyColumns(schema)), schema.PropertyLimit, nil
}
