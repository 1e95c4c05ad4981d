package store

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Reader answers questions about what Writer has committed. It is safe for concurrent use.
type Reader interface {
	// Cut pins one consistent cut of a project: every query on it sees exactly the events before its position. The
	// caller closes it. A project without events has an empty cut.
	Cut(ctx context.Context, project ProjectID) (Cut, error)
	// Watermark is the position of the latest commit.
	Watermark() Watermark
	// Version changes whenever the answers about a project may change: with every commit, link or removal that concerns
	// it, and with a restart. Equal versions mean equal cuts, though the watermark may have moved on.
	Version(project ProjectID) uint64
	// Wait returns when everything before the position is visible, or with ctx's error.
	Wait(ctx context.Context, p eventlog.Position) error
	// Ledger returns the figures of a project by hour of receipt (Unix seconds of the hour's start), within [from, to).
	Ledger(ctx context.Context, project ProjectID, from, to int64) ([]LedgerHour, error)
	// Duplicates returns the duplicates of a project by hour of receipt and SDK, within [from, to), by hour, name and
	// version. Those of an hour add up to the ledger's; what no SDK was counted for is there as UntoldSDKs.
	Duplicates(ctx context.Context, project ProjectID, from, to int64) ([]Duplicates, error)
	// DeadLetters returns up to limit dead letters of a project with a position below before, newest first.
	DeadLetters(ctx context.Context, project ProjectID, before eventlog.Position, limit int) ([]DeadLetter, error)
}

// Several is implemented by a Reader that stands for several stores, of which each has some of the projects.
type Several interface {
	// Of is the one that has a project.
	Of(project ProjectID) Reader
}

// Of is the Reader that has a project: r itself, or the one of Several.
func Of(r Reader, project ProjectID) Reader {
	if s, ok := r.(Several); ok {
		return s.Of(project)
	}
	return r
}

// Watermark says up to where an answer is complete.
type Watermark struct {
	Position eventlog.Position `json:"position"`
	// Time is when the server received the newest event before Position.
	Time time.Time `json:"time"`
	// Preview says which events behind Position are shown, too; nil for none.
	Preview *Preview `json:"preview,omitempty" doc:"The newest events, shown ahead of others that are still to come: only while the server catches up."`
}

// Preview says which events behind a watermark are shown although others between are still to come: those at positions from
// From to before To. What they are may change until the watermark reaches them: whose they are, and whether one of them is a
// duplicate of what is still to come.
type Preview struct {
	From eventlog.Position `json:"from" doc:"The first position that is shown ahead. Events between the watermark's position and this one are still to come."`
	To   eventlog.Position `json:"to" doc:"The position after the last one that is shown ahead."`
	// Since and Until are when the server received the first and the newest of them.
	Since time.Time `json:"since" doc:"When the server received the first of them."`
	Until time.Time `json:"until" doc:"When the server received the newest of them."`
}

// AppendJSON appends what json.Marshal makes of it.
func (w Watermark) AppendJSON(b []byte) []byte {
	b = strconv.AppendUint(append(b, `{"position":`...), uint64(w.Position), 10)
	b = w.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	b = append(b, '"')
	if p := w.Preview; p != nil {
		b = strconv.AppendUint(append(b, `,"preview":{"from":`...), uint64(p.From), 10)
		b = strconv.AppendUint(append(b, `,"to":`...), uint64(p.To), 10)
		b = p.Since.AppendFormat(append(b, `,"since":"`...), time.RFC3339Nano)
		b = p.Until.AppendFormat(append(b, `","until":"`...), time.RFC3339Nano)
		b = append(b, `"}`...)
	}
	return append(b, '}')
}

// Head is the position after the newest event that is shown.
func (w Watermark) Head() eventlog.Position {
	if w.Preview != nil {
		return max(w.Position, w.Preview.To)
	}
	return w.Position
}

// Newest is when the server received the newest event that is shown.
func (w Watermark) Newest() time.Time {
	if w.Preview != nil && w.Preview.Until.After(w.Time) {
		return w.Preview.Until
	}
	return w.Time
}

// LedgerHour is one hour of the ledger.
type LedgerHour struct {
	Hour int64 `json:"hour"`
	Counts
}

// Cut is one consistent cut of one project's events.
type Cut interface {
	Watermark() Watermark
	Schema() *Schema
	// Dialect is how the store's SQL is written.
	Dialect() Dialect
	// Attribute says whose the events of ids are that somebody has signed out of, in what Events and its like make from now on.
	Attribute(a Attribution)
	// Events is a relation, fit to stand after FROM, that has the given columns (names out of Schema, built in or
	// property columns), perhaps more, and a row an event. Column names in it are as given, and safe to write unquoted. The column
	// "person" has every link resolved.
	Events(columns ...string) string
	// EventsAt is like Events, for a reader of whole events that knows their positions: the relation has the events at
	// the positions, and may have others.
	EventsAt(positions []eventlog.Position, columns ...string) string
	// EventsOf is like Events, of the events of some persons and no others: of tens, not thousands. What lies far from
	// theirs is not read.
	EventsOf(persons []uint64, columns ...string) string
	// People is a relation, fit to stand after FROM, with the numbers in its one column "person". It is good as long as
	// the cut.
	People(persons []uint64) string
	// Resolve returns what persons have become by the links of the cut, ascending and each once; who has no link stays.
	Resolve(ctx context.Context, persons []uint64) ([]uint64, error)
	// Links has the links of the cut that lead on from persons, from those they lead to, and so on, each once. What an Unlink
	// has undone is not among them.
	Links(ctx context.Context, persons []uint64) ([]Link, error)
	// Rows runs a statement over relations that Events and People made. Values are bound, never pasted. The rows are read
	// within the loop; the slice is reused. Values are int64, uint64, float64, string, bool, time.Time (UTC) or nil.
	Rows(ctx context.Context, sql string, args ...any) iter.Seq2[[]any, error]
	// Batches runs a statement as Rows does and delivers its rows, in no order but that of the statement, by the
	// thousand and column by column: for statements with millions of rows. A batch and what it points to is read within
	// the loop, but texts may be kept. Columns are of the types of whole numbers up to 64 bits, DOUBLE, BOOLEAN,
	// VARCHAR and TIMESTAMP; a column of another type is an error.
	Batches(ctx context.Context, sql string, args ...any) iter.Seq2[*Batch, error]
	// Spread runs a statement as Batches does and hands its rows over where they arise, in any order, to several workers
	// at a time. worker is called once for each of them, never twice at a time; what it returns takes one batch at a time,
	// which is valid, texts included, until it returns. Its first error ends the statement and is returned. After any error the
	// cut is of no more use.
	Spread(ctx context.Context, worker func() func(*Batch) error, sql string, args ...any) error
	Close()
}

// Watchable is a Cut that can tell how far the statement is that it runs.
type Watchable interface {
	// Watch makes Fraction know; it is called before the first statement.
	Watch(ctx context.Context) error
	// Fraction is the part of the present statement that is done, from 0 to 1, unless that is not known. It may be called
	// at any time, by anybody, also after Close.
	Fraction() (float64, bool)
}

// Type is the type of a column.
type Type uint8

// The column types. In DuckDB: VARCHAR, DOUBLE, BOOLEAN, TIMESTAMP, BIGINT, UBIGINT, UUID, VARCHAR holding JSON.
const (
	Text Type = iota
	Float
	Boolean
	Time
	Int
	Number64
	UUID
	JSON
)

// Schema is what columns a cut has.
type Schema struct {
	// Properties are the property columns by key: one entry a type that was seen. A key that is not here has no
	// column: its values, if any, are in the JSON object of the column "overflow".
	Properties map[string][]PropertyColumn
	// NoOverflow tells that no row has anything there.
	NoOverflow bool
	// NumberOf is the number that the column EventNumber has for a name of events; a name without one no row has. Nil when there is no
	// such column, or not all rows have it.
	NumberOf func(name string) (n uint8, ok bool)
	// PropertyLimit is how many property columns a project may have.
	PropertyLimit int
	// DayZone is the name of the time zone in which the column "day" of every row was cut; empty when rows of several
	// zones are there, or it is not known. Then a row's day may be up to two off the one in any other zone.
	DayZone string
}

// EventNumber is the column of Schema.NumberOf.
const EventNumber = "event_number"

// PropertyColumn is the column of one key and type.
type PropertyColumn struct {
	Key    string
	Type   Type
	Column string
}

// Column is one of the columns that every project has.
type Column struct {
	Name string
	Type Type
}

// Columns are the built-in columns, in the order of the table. Text columns are NULL when absent.
//
// seq is the event's position; day the number of days since 1970-01-01 of time in the project's time zone, as it was
// when the event was added or as it is (Schema.DayZone tells whether that is the same for all); skew the
// microseconds that were added to the client's time; received in milliseconds precision; session a hash of the
// client's session id (0: it sent none); device_id and session_id, of rows that were stored before there were such columns,
// are members of extra; overflow, traits and extra hold JSON objects, NULL when empty.
var Columns = []Column{
	{"seq", Number64},
	{"id", UUID},
	{"id_text", Text},
	{"kind", Text},
	{"event", Text},
	{"day", Int},
	{"time", Time},
	{"received", Time},
	{"skew", Int},
	{"flags", Int},
	{"person", Number64},
	{"device", Number64},
	{"session", Number64},
	{"user_id", Text},
	{"anonymous_id", Text},
	{"group_id", Text},
	{"device_id", Text},
	{"session_id", Text},
	{"app_name", Text},
	{"app_version", Text},
	{"app_build", Text},
	{"app_namespace", Text},
	{"device_manufacturer", Text},
	{"device_model", Text},
	{"device_type", Text},
	{"os", Text},
	{"os_version", Text},
	{"browser", Text},
	{"locale", Text},
	{"timezone", Text},
	{"carrier", Text},
	{"network", Text},
	{"country", Text},
	{"region", Text},
	{"city", Text},
	{"page_url", Text},
	{"page_path", Text},
	{"page_title", Text},
	{"referrer", Text},
	{"campaign_source", Text},
	{"campaign_medium", Text},
	{"campaign_name", Text},
	{"library", Text},
	{"library_version", Text},
	{"protocol", Text},
	{"traits", JSON},
	{"extra", JSON},
	{"overflow", JSON},
}

// TraitOps is the member of the column traits that holds all traits with an operation other than event.Set, by the
// operation's word: {"plan":"pro","$ops":{"set_once":{"first":"x"},"unset":{"age":null}}}. A trait of an app that is itself
// called $ops is in there under "set".
const TraitOps = "$ops"

// Eraser removes what need not be kept any more, for good.
type Eraser interface {
	// Expire removes every event of the project before the day (days since 1970-01-01, project's zone) and returns how
	// many. Rows cut in an earlier zone of the project go by their day in that one, which may be a day or two early or
	// late.
	Expire(ctx context.Context, project ProjectID, day int64) (int64, error)
	// ExpireDeadLetters removes every dead letter received before a time (µs since 1970), of all projects, and returns how
	// many. Those that only memory has stay until a later call. The ledger goes on to count them.
	ExpireDeadLetters(ctx context.Context, before int64) (int64, error)
}

// TypeOf is the column type that a property value goes to; ok is false for null. Text that is a time exactly as
// JavaScript prints it (2026-04-01T12:00:00.000Z) is a Time.
func TypeOf(p *event.Property) (t Type, ok bool) {
	switch p.Type {
	case event.Bool:
		return Boolean, true
	case event.Number:
		return Float, true
	case event.String:
		if _, isTime := ParseTime(p.Str); isTime {
			return Time, true
		}
		return Text, true
	case event.JSON:
		return JSON, true
	case event.Null:
	}
	return 0, false
}

const timeForm = "0000-00-00T00:00:00.000Z"

// ParseTime reads a time in exactly the form 2026-04-01T12:00:00.000Z, and no other, so that printing it again gives
// the same text. It returns microseconds since 1970 UTC.
func ParseTime(s string) (int64, bool) {
	if len(s) != len(timeForm) {
		return 0, false
	}
	for i := range len(s) {
		// Where the form has a digit there must be one: time.Parse would take a sign in a fraction.
		if digit := s[i] >= '0' && s[i] <= '9'; digit != (timeForm[i] == '0') || !digit && s[i] != timeForm[i] {
			return 0, false
		}
	}
	t, err := time.Parse("2006-01-02T15:04:05.000Z", s)
	if err != nil || t.Year() < 1 {
		return 0, false
	}
	return t.UnixMicro(), true
}
