package query

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query/history"
	"github.com/freshet/freshet/internal/store"
)

// Explanation says why a person is behind a number, or why not.
type Explanation struct {
	Person string `json:"person"`
	In     bool   `json:"in"`
	// Reason is one of Reasons, Sentence the same for people.
	Reason   string `json:"reason"`
	Sentence string `json:"sentence"`
	// Events are those that decide, oldest first, at most 100.
	Events []DecidingEvent `json:"events"`
	// Nearest is the one change with which the person would be in; nil when there is none, or no need for one.
	Nearest   *NearestMiss    `json:"nearest,omitempty"`
	Watermark store.Watermark `json:"watermark"`
	TookMS    float64         `json:"took_ms"`
}

// DecidingEvent is an event that an explanation goes by.
type DecidingEvent struct {
	Position   uint64    `json:"position"`
	ID         string    `json:"id"`
	Event      string    `json:"event"`
	Timestamp  time.Time `json:"timestamp"`
	ReceivedAt time.Time `json:"received_at"`
	// Role is what it is there for: "step 1", "exclusion 1", "start", "return", "first", "before", "active" or "match".
	Role string `json:"role"`
}

// NearestMiss is a change of the question or of the cell.
type NearestMiss struct {
	// Parameter is the path of a field of the question, or of the cell ("cell.column"); Value what to put there, null to
	// take the field out.
	Parameter string `json:"parameter"`
	Value     any    `json:"value"`
	Sentence  string `json:"sentence"`
}

// The reasons.
const (
	ReasonCounted    = "counted"
	ReasonNoEvent    = "no_event"
	ReasonOutside    = "outside_range"
	ReasonBucket     = "other_bucket"
	ReasonValue      = "other_value"
	ReasonNoValue    = "no_value"
	ReasonState      = "other_state"
	ReasonWindow     = "window"
	ReasonStepWindow = "step_window"
	ReasonExclusion  = "exclusion"
	ReasonOrder      = "order"
	ReasonMissing    = "missing_step"
	ReasonCohort     = "other_cohort"
	ReasonBefore     = "started_before"
	ReasonNotBack    = "not_returned"
	ReasonBack       = "returned"
	ReasonIntervals  = "other_intervals"
	ReasonNode       = "other_node"
	ReasonUncounted  = "not_counted"
)

// Reasons lists why somebody is in or out.
func Reasons() []string {
	return []string{
		ReasonCounted, ReasonNoEvent, ReasonOutside, ReasonBucket, ReasonValue, ReasonNoValue, ReasonState, ReasonWindow, ReasonStepWindow,
		ReasonExclusion, ReasonOrder, ReasonMissing, ReasonCohort, ReasonBefore, ReasonNotBack, ReasonBack, ReasonIntervals, ReasonNode, ReasonUncounted,
	}
}

// maxDeciding bounds the events of an explanation.
const maxDeciding = 100

// ownCut is a cut of the events of one person.
type ownCut struct {
	*peopledCut
	person uint64
}

// Events implements store.Cut.
func (c *ownCut) Events(columns ...string) string {
	return c.EventsOf([]uint64{c.person}, columns...)
}

// EventsAt implements store.Cut.
func (c *ownCut) EventsAt(_ []eventlog.Position, columns ...string) string {
	return c.Events(columns...)
}

// explained is a question whose cells can be explained.
type explained interface {
	counted
	// alone tells whether the events of a person are enough to say whether the person is in a cell.
	alone() bool
	// explain completes an explanation of a cell that was checked, as far as it can from the events of the person alone.
	explain(ctx context.Context, g *ground, cell json.RawMessage, x *explaining) error
}

// explaining is an explanation in the making: roles has the events that decide by their positions.
type explaining struct {
	*Explanation
	roles map[uint64]string
	order []uint64
	// all is the ground of everybody's events, for questions where others have a part; number is the person's.
	all    *ground
	number uint64
	// changedCell and changedQuestion make what the nearest miss proposes; one of them is set with it.
	changedCell     any
	changedQuestion func(*Engine, Scope) (counted, error)
	// proved tells that it is known to hold among everybody.
	proved bool
}

// say gives the reason.
func (x *explaining) say(reason, format string, args ...any) {
	x.Reason, x.Sentence = reason, fmt.Sprintf(format, args...)
}

// by adds an event that decides; the first role of an event stays.
func (x *explaining) by(seq uint64, role string) {
	if _, ok := x.roles[seq]; !ok && len(x.order) < maxDeciding {
		x.roles[seq] = role
		x.order = append(x.order, seq)
	}
}

// nearest proposes a change of the cell, to the one given.
func (x *explaining) nearest(changed any, parameter string, value any, format string, args ...any) {
	x.changedCell, x.changedQuestion = changed, nil
	x.Nearest = &NearestMiss{Parameter: parameter, Value: value, Sentence: fmt.Sprintf(format, args...)}
}

// nearestQuestion proposes a change of the question, which resolve makes.
func (x *explaining) nearestQuestion(resolve func(*Engine, Scope) (counted, error), parameter string, value any, format string, args ...any) {
	x.nearest(nil, parameter, value, format, args...)
	x.changedQuestion = resolve
}

// Explain tells why a person is behind a cell of the question's answer, or why not. The person is a number; one that was
// merged into another is explained as that one.
func (e *Engine) Explain(ctx context.Context, s Scope, r Asked, cell json.RawMessage, person uint64) (*Explanation, error) {
	c, ok := r.(explained)
	if !ok {
		return nil, fmt.Errorf("explain: a %T has no people", r)
	}
	out := &Explanation{Events: []DecidingEvent{}}
	err := e.timed(ctx, "explain", s, &out.Watermark, &out.TookMS, func(ctx context.Context, cut *peopledCut) error {
		now, err := cut.Resolve(ctx, []uint64{person})
		if err != nil {
			return fmt.Errorf("explain: %w", err)
		}
		if len(now) == 1 {
			person = now[0]
		}
		out.Person = strconv.FormatUint(person, 10)
		return cut.under(r.attribution(), func() error { return out.complete(ctx, &ground{e, cut, s}, c, cell, person) })
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// complete explains a cell on the ground of everybody's events.
func (out *Explanation) complete(ctx context.Context, all *ground, c explained, cell json.RawMessage, person uint64) error {
	own := &ground{all.engine, all.cut.of(person), all.scope}
	from := own
	if !c.alone() {
		from = all
	}
	people, err := c.people(ctx, from, cell)
	if err != nil {
		return err
	}
	_, out.In = slices.BinarySearch(people, person)
	x := &explaining{Explanation: out, roles: map[uint64]string{}, all: all, number: person}
	if err := c.explain(ctx, own, cell, x); err != nil {
		return err
	}
	if x.Nearest != nil && !c.alone() && !x.proved {
		if err := x.prove(ctx, all, c, cell, person); err != nil {
			return err
		}
	}
	return x.look(ctx, own)
}

// prove drops the nearest miss unless it holds among everybody: other people decide which values a breakdown shows.
func (x *explaining) prove(ctx context.Context, all *ground, question counted, cell json.RawMessage, person uint64) (err error) {
	if x.changedQuestion != nil {
		if question, err = x.changedQuestion(all.engine, all.scope); err != nil {
			return err
		}
	} else if cell, err = json.Marshal(x.changedCell); err != nil {
		return fmt.Errorf("write a cell: %w", err)
	}
	people, err := question.people(ctx, all, cell)
	if err != nil && event.KindOf(err) != event.Invalid {
		return err
	}
	if _, in := slices.BinarySearch(people, person); !in {
		x.Nearest = nil
	}
	return nil
}

// look reads the events that decide.
func (x *explaining) look(ctx context.Context, own *ground) error {
	if len(x.order) == 0 {
		return nil
	}
	sql := "SELECT seq, " + own.cut.Dialect().Cast("id", store.Text) + ", id_text, event, time, received FROM " + own.cut.Events("seq", "id", "id_text", "event", "time", "received") +
		" WHERE seq IN (" + numberList(x.order) + ")"
	for row, err := range own.engine.rows(ctx, own.cut, "deciding events", sql, nil) {
		if err != nil {
			return err
		}
		c := cells(row)
		d := DecidingEvent{Position: c.number(), ID: c.text()}
		if text := c.text(); text != "" {
			d.ID = text
		}
		d.Event, d.Timestamp, d.ReceivedAt, d.Role = c.text(), c.time(), c.time(), x.roles[d.Position]
		x.Events = append(x.Events, d)
	}
	slices.SortFunc(x.Events, func(a, b DecidingEvent) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Position, b.Position))
	})
	return nil
}

// numberList is SQL for some numbers of the engine's own.
func numberList(list []uint64) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.FormatUint(n, 10)
	}
	return strings.Join(texts, ", ")
}

// onlyActor is the one actor there is; it has no events if there is nobody.
func onlyActor(ctx context.Context, events *history.Builder) (out *history.Actor, err error) {
	out = &history.Actor{}
	err = events.Each(ctx, func() func(*history.Actor) {
		return func(a *history.Actor) { *out = history.Actor{ID: a.ID, Events: slices.Clone(a.Events)} }
	})
	return out, err
}

// ParsePerson reads the number of a person. The error is an *event.Error.
func ParsePerson(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, &event.Error{
			Kind: event.Invalid, Code: "bad_person", Field: "person",
			Message: fmt.Sprintf("person %s is no number of a person in decimal digits", quoteShort(text)),
		}
	}
	return n, nil
}

// momentText is how a moment stands in a sentence.
func momentText(us int64, zone *time.Location) string {
	return time.UnixMicro(us).In(zone).Format("2006-01-02 15:04:05")
}
