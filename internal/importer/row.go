package importer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Value is one cell: absent, or its JSON form; Text is the value as text for ids, names and times.
type Value struct {
	JSON string
	Text string
}

func (v Value) absent() bool { return v.JSON == "" || v.JSON == "null" }

// Row is one row: the names of its columns and their values. It is valid until the next one is read.
type Row struct {
	Names  []string
	Values []Value
}

func (r *Row) get(name string) Value {
	if name == "" {
		return Value{}
	}
	if i := slices.Index(r.Names, name); i >= 0 {
		return r.Values[i]
	}
	return Value{}
}

// rowError is a row that cannot be used; the import goes on.
type rowError struct{ reason string }

func (e rowError) Error() string { return e.reason }

func badf(format string, args ...any) error { return rowError{fmt.Sprintf(format, args...)} }

// Mapping names the columns with a meaning; the others become properties. An empty name is found by itself, "-" is none.
type Mapping struct {
	Event     string `json:"event"`
	Time      string `json:"time"`
	User      string `json:"user"`
	Anonymous string `json:"anonymous"`
	ID        string `json:"id"`
	// EventName is the name of all events when there is no column for it.
	EventName string `json:"event_name,omitempty"`
}

// columns is a mapping made for the columns that there are.
type columns struct {
	Mapping
	known bool
	// native rows are events as freshet export writes them.
	native bool
}

// The names by which columns are found, in order of preference.
var (
	eventNames     = []string{"event", "event_name", "event_type", "action", "name"}
	timeNames      = []string{"timestamp", "time", "event_time", "event_timestamp", "ts", "datetime", "created_at", "date"}
	userNames      = []string{"user_id", "userid", "distinct_id", "client_id", "customer_id", "uid", "user"}
	anonymousNames = []string{"anonymous_id", "anonymousid", "device_id", "visitor_id"}
	idNames        = []string{"event_id", "message_id", "messageid", "insert_id", "$insert_id", "uuid"}
)

// resolve finds the columns of a mapping in a row.
func (m Mapping) resolve(row *Row) (columns, error) {
	c := columns{Mapping: m, known: true}
	c.native = slices.Contains(row.Names, "event") && (exported(row.Names) ||
		slices.Contains(row.Names, "properties") && strings.HasPrefix(row.get("properties").JSON, "{"))
	ids := idNames
	if c.native {
		ids = append([]string{"id"}, idNames...)
	}
	for _, f := range []struct {
		column *string
		names  []string
		flag   string
	}{
		{&c.Event, eventNames, "event"},
		{&c.Time, timeNames, "time"},
		{&c.User, userNames, "user"},
		{&c.Anonymous, anonymousNames, "anonymous"},
		{&c.ID, ids, "id"},
	} {
		switch {
		case *f.column == "-":
			*f.column = ""
		case *f.column == "":
			*f.column = find(row.Names, f.names)
			if *f.column == "" && c.native {
				// An export leaves out what an event does not have: the next row may have it.
				*f.column = f.names[0]
			}
		case !slices.Contains(row.Names, *f.column):
			return c, fmt.Errorf("there is no column %q for --%s-column; there are %s", *f.column, f.flag, strings.Join(row.Names, ", "))
		}
	}
	have := "; the columns are " + strings.Join(row.Names, ", ")
	switch {
	case c.Event == "" && c.EventName == "":
		return c, fmt.Errorf("no column with the event's name was found: name it with --event-column, or give one name to all with --event-name%s", have)
	case c.Time == "" && m.Time != "-":
		return c, fmt.Errorf("no column with the event's time was found: name it with --time-column, or give - for the time of the import%s", have)
	case c.User == "" && c.Anonymous == "":
		return c, fmt.Errorf("no column says whose event it is: name one with --user-column or --anonymous-column%s", have)
	}
	return c, nil
}

func find(columns, names []string) string {
	for _, name := range names {
		for _, c := range columns {
			if strings.EqualFold(c, name) {
				return c
			}
		}
	}
	return ""
}

// exported tells events that freshet export wrote, which may have no properties, by what only a server adds to them.
func exported(names []string) bool {
	return slices.Contains(names, "received_at") && slices.Contains(names, "person") && slices.Contains(names, "position")
}

// nativeKept are the fields of a native row that are passed on; the others were made by the server that wrote it.
var nativeKept = []string{"kind", "session_id", "group_id", "previous_id", "properties", "traits", "context"}

// appendEvent appends the row as a native event and tells whether it has an id.
func (c *columns) appendEvent(b []byte, row *Row) ([]byte, bool, error) {
	name := c.EventName
	if v := row.get(c.Event); !v.absent() {
		name = v.Text
	}
	if name == "" {
		return b, false, badf("no event name in %s", c.Event)
	}
	b = append(b, `{"event":`...)
	b = appendString(b, name)
	if c.Time != "" {
		t, err := parseTime(row.get(c.Time))
		if err != nil {
			return b, false, badf("%s: %v", c.Time, err)
		}
		b = append(b, `,"timestamp":"`...)
		b = t.UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, '"')
	}
	b = appendField(b, "user_id", row.get(c.User))
	b = appendField(b, "anonymous_id", row.get(c.Anonymous))
	id := row.get(c.ID)
	b = appendField(b, "id", id)
	open := false
	for i, n := range row.Names {
		v := row.Values[i]
		if v.absent() || n == c.Event || n == c.Time || n == c.User || n == c.Anonymous || n == c.ID {
			continue
		}
		if c.native {
			if slices.Contains(nativeKept, n) {
				b = append(appendString(append(b, ','), n), ':')
				b = append(b, v.JSON...)
			}
			continue
		}
		if !open {
			b, open = append(b, `,"properties":{`...), true
		} else {
			b = append(b, ',')
		}
		b = append(appendString(b, n), ':')
		b = append(b, v.JSON...)
	}
	if open {
		b = append(b, '}')
	}
	return append(b, '}'), !id.absent() && id.Text != "", nil
}

func appendField(b []byte, name string, v Value) []byte {
	if v.absent() || v.Text == "" {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return appendString(b, v.Text)
}

// appendString appends a JSON string; bytes that are no UTF-8 become the replacement character.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

var timeForms = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 MST",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999-0700",
	"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02", "2006/01/02 15:04:05", "2006/01/02", "20060102",
}

// parseTime reads a time; without a zone it is UTC; a number counts seconds, milli-, micro- or nanoseconds since 1970,
// by its size.
func parseTime(v Value) (time.Time, error) {
	text := strings.TrimSpace(v.Text)
	if v.absent() || text == "" {
		return time.Time{}, errors.New("no time")
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && len(text) != 8 && !math.IsNaN(f) {
		return numericTime(text, f)
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, text, time.UTC); err == nil {
			if y := t.Year(); y < 1 || y > 9999 {
				break
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-03-01 12:00:00 or 2026-03-01T12:00:00Z", text)
}

func numericTime(text string, f float64) (time.Time, error) {
	unit := 1e9
	switch a := math.Abs(f); {
	case a >= 1e18:
		unit = 1
	case a >= 1e15:
		unit = 1e3
	case a >= 1e12:
		unit = 1e6
	case a >= 1e11:
		return time.Time{}, fmt.Errorf("%q seconds since 1970 are out of range", text)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && unit < 1e9 {
		return time.Unix(0, 0).Add(time.Duration(n) * time.Duration(unit)), nil
	}
	whole, part := math.Modf(f * unit / 1e9)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000), nil
}
