package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// Reasons of violations.
const (
	UnexpectedEvent = "unexpected_event"
	MissingProperty = "missing_property"
	WrongType       = "wrong_type"
	ValueNotAllowed = "value_not_allowed"
)

// Violations are what is not as a tracking plan says.
type Violations struct {
	// Violations are the most frequent first, at most 1000; Omitted is how many more there are.
	Violations []Violation `json:"violations"`
	Omitted    int         `json:"omitted"`
	// Events is how many events were judged, Violating how many of them are not as planned.
	Events    int64           `json:"events"`
	Violating int64           `json:"violating"`
	Watermark store.Watermark `json:"watermark"`
	TookMS    float64         `json:"took_ms"`
}

// Violation is one thing that is not as planned, of the events of one version of an SDK.
type Violation struct {
	Event string `json:"event"`
	// Property is missing for an event that is not expected at all.
	Property       string `json:"property,omitempty"`
	Reason         string `json:"reason"`
	Library        string `json:"library"`
	LibraryVersion string `json:"library_version"`
	Count          int64  `json:"count"`
	// LastSeen is when the last of these events happened, and Sample its id.
	LastSeen time.Time `json:"last_seen"`
	Sample   string    `json:"sample"`
}

const maxViolations = 1000

// ViolationReasons lists the reasons of violations.
func ViolationReasons() []string {
	return []string{UnexpectedEvent, MissingProperty, WrongType, ValueNotAllowed}
}

// Violations judges the events that happened within [from, to) by a valid plan, as the plan is now: nothing is kept of what
// earlier plans said. What tells who somebody is
// (identify, group, alias) is not judged.
func (e *Engine) Violations(ctx context.Context, s Scope, plan *TrackingPlan, from, to time.Time) (*Violations, error) {
	if !from.Before(to) {
		return nil, &event.Error{
			Kind: event.Invalid, Code: "bad_range", Field: "from",
			Message: fmt.Sprintf("from (%s) must be before to (%s)", from.Format(time.RFC3339), to.Format(time.RFC3339)),
		}
	}
	out := &Violations{Violations: []Violation{}}
	err := e.timed(ctx, "violations", s, &out.Watermark, &out.TookMS, func(ctx context.Context, cut *peopledCut) error {
		j := newJudge(cut, plan)
		sql := j.sql(from, to)
		for row, err := range e.rows(ctx, cut, "shapes", sql, j.args) {
			if err != nil {
				return err
			}
			j.judge(row, out)
		}
		return j.report(ctx, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// judge finds what is not as planned. The store counts events by shape, which is what a plan can tell of them: the event, the
// SDK, and for each planned property its type and which of the listed values it has. There are few shapes, and so the rules
// are applied to these, not to events.
type judge struct {
	*compiler
	plan *TrackingPlan
	keys []*plannedKey
	// at is the place of each key in keys.
	at    map[string]int
	found map[broken]*evidence
}

// plannedKey is a property as all events of the plan know it.
type plannedKey struct {
	key string
	// events are the numbers, from 1, of those that expect it.
	events []int
	// texts and numbers are all values that some event allows.
	texts   []string
	numbers []float64
}

// broken is a rule that was broken by an SDK.
type broken struct {
	event, property, reason string
	sdk                     store.SDK
}

type evidence struct {
	count, last int64
	seq         uint64
}

func newJudge(cut cohortCut, plan *TrackingPlan) *judge {
	j := &judge{compiler: newCompiler(cut), plan: plan, at: map[string]int{}, found: map[broken]*evidence{}}
	for i := range plan.Events {
		for _, p := range plan.Events[i].Properties {
			n, ok := j.at[p.Key]
			if !ok {
				n = len(j.keys)
				j.at[p.Key] = n
				j.keys = append(j.keys, &plannedKey{key: p.Key})
			}
			k := j.keys[n]
			k.events = append(k.events, i+1)
			for _, v := range p.Values {
				switch v := v.(type) {
				case string:
					if !slices.Contains(k.texts, v) {
						k.texts = append(k.texts, v)
					}
				case float64:
					if !slices.Contains(k.numbers, v) {
						k.numbers = append(k.numbers, v)
					}
				}
			}
		}
	}
	return j
}

// The types of values in a shape; 0 is nothing, and null.
const (
	shapeText = 1 + iota
	shapeNumber
	shapeBoolean
	shapeTime
	shapeJSON
	shapes = 8
)

var shapeTypes = map[string]int64{
	typeText: shapeText, typeNumber: shapeNumber, "boolean": shapeBoolean, "time": shapeTime, "json": shapeJSON,
}

// sql counts events by shape.
func (j *judge) sql(from, to time.Time) string {
	for _, column := range []string{"event", "kind", "time", "seq", "library", "library_version"} {
		j.column(column)
	}
	parts := append(make([]string, 0, 4+len(j.keys)), "plan_i", "CASE WHEN plan_i IS NULL THEN event END", "library", "library_version")
	for _, k := range j.keys {
		of := make([]string, len(k.events))
		for i, n := range k.events {
			of[i] = strconv.Itoa(n)
		}
		parts = append(parts, "CASE WHEN plan_i IN ("+strings.Join(of, ", ")+") THEN "+j.shape(k)+" END")
	}
	d := j.dialect
	plan := "(SELECT " + d.Cast("NULL", store.Int) + " AS plan_i, " + d.Cast("NULL", store.Text) + " AS plan_name)"
	if len(j.plan.Events) > 0 {
		names := make([]string, len(j.plan.Events))
		for i := range j.plan.Events {
			names[i] = j.plan.Events[i].Name
		}
		plan = d.Numbered(j.bind(names), len(names), "plan_i", "plan_name")
	}
	source := j.source(judged + " AND time >= " + d.Moment(from.UnixMicro()) + " AND time < " + d.Moment(to.UnixMicro()))
	// Of the events of a shape the last one is kept, and of those of one moment the one with the highest position.
	latest := d.Wide(d.Micros("time")) + " * " + d.Wide("9223372036854775808") + " + " + d.Wide("seq")
	return "SELECT " + strings.Join(parts, ", ") + ", " + d.Cast("count(*)", store.Int) + ", max(" + d.Micros("time") + "), " +
		d.ArgMax("seq", latest, "") +
		" FROM " + source + " AS s LEFT JOIN " + plan + " AS p ON event = plan_name GROUP BY ALL"
}

// shape is the type of a property, and eight times the place of its value among those that are listed, from 1.
func (j *judge) shape(k *plannedKey) string {
	v := j.value(PropertyRef{Property: k.key})
	out := shapeType(v)
	var places []string
	if len(k.texts) > 0 {
		if texts := v.texts(); len(texts) > 0 {
			places = append(places, j.dialect.Place(j.bind(k.texts), "coalesce("+strings.Join(texts, ", ")+")"))
		}
	}
	if len(k.numbers) > 0 && !v.builtIn {
		places = append(places, fmt.Sprintf("%d + %s", len(k.texts), j.dialect.Place(j.bind(k.numbers), v.numeric())))
	}
	if len(places) > 0 {
		out = fmt.Sprintf("(%s) + %d * coalesce(%s, 0)", out, shapes, strings.Join(places, ", "))
	}
	return j.dialect.Cast(out, store.Int)
}

func shapeType(v *value) string {
	var b strings.Builder
	b.WriteString("CASE")
	add := func(column string, shape int) {
		if column != "" {
			fmt.Fprintf(&b, " WHEN %s IS NOT NULL THEN %d", column, shape)
		}
	}
	add(v.text, shapeText)
	add(v.number, shapeNumber)
	add(v.boolean, shapeBoolean)
	add(v.time, shapeTime)
	if v.json != "" {
		text := v.dialect.JSONText(v.json)
		fmt.Fprintf(&b, " WHEN %s IS NOT NULL THEN CASE %s WHEN 'NULL' THEN 0 WHEN 'BOOLEAN' THEN %d WHEN 'OBJECT' THEN %d WHEN 'ARRAY' THEN %d"+
			" WHEN 'VARCHAR' THEN CASE WHEN %s THEN %d ELSE %d END ELSE %d END",
			v.json, v.dialect.JSONType(v.json), shapeBoolean, shapeJSON, shapeJSON, isTime(v.dialect, text), shapeTime, shapeText, shapeNumber)
	}
	if b.Len() == len("CASE") {
		return "0"
	}
	b.WriteString(" ELSE 0 END")
	return b.String()
}

// isTime is store.ParseTime in SQL.
func isTime(d store.Dialect, text string) string {
	return "((" + d.TimeOf(text) + ") IS NOT NULL AND NOT " + d.StartsWith(text, "'0000'") + ")"
}

// judge applies the rules to the events of one shape.
func (j *judge) judge(row []any, out *Violations) {
	c := cells(row)
	number, name := c.int(), c.text()
	sdk := store.SDK{Name: strings.Clone(c.text()), Version: strings.Clone(c.text())}
	shape := make([]int64, len(j.keys))
	for i := range shape {
		shape[i] = c.int()
	}
	of := evidence{c.int(), c.int(), c.number()}
	out.Events += of.count
	if number == 0 {
		j.add(broken{event: strings.Clone(name), reason: UnexpectedEvent, sdk: sdk}, of)
		out.Violating += of.count
		return
	}
	planned, violating := &j.plan.Events[number-1], false
	for i := range planned.Properties {
		p := &planned.Properties[i]
		n := j.at[p.Key]
		if reason := j.keys[n].reason(p, shape[n]); reason != "" {
			j.add(broken{planned.Name, p.Key, reason, sdk}, of)
			violating = true
		}
	}
	if violating {
		out.Violating += of.count
	}
}

// reason says why a value of a shape is not as planned; empty when it is.
func (k *plannedKey) reason(p *PlannedProperty, shape int64) string {
	typ, place := shape%shapes, int(shape/shapes)
	want := shapeTypes[p.Type]
	switch {
	case typ == 0 && p.Required:
		return MissingProperty
	case typ == 0:
		return ""
	case want != 0 && typ != want && (want != shapeText || typ != shapeTime):
		return WrongType
	case len(p.Values) == 0:
		return ""
	case place == 0:
		return ValueNotAllowed
	case place <= len(k.texts) && !slices.Contains(p.Values, any(k.texts[place-1])):
		return ValueNotAllowed
	case place > len(k.texts) && !slices.Contains(p.Values, any(k.numbers[place-1-len(k.texts)])):
		return ValueNotAllowed
	}
	return ""
}

func (j *judge) add(b broken, of evidence) {
	known := j.found[b]
	if known == nil {
		j.found[b] = &of
		return
	}
	known.count += of.count
	if of.last > known.last || of.last == known.last && of.seq > known.seq {
		known.last, known.seq = of.last, of.seq
	}
}

// report tells the violations, with the ids of their samples.
func (j *judge) report(ctx context.Context, out *Violations) error {
	all := make([]broken, 0, len(j.found))
	for b := range j.found {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b broken) int {
		return cmp.Or(
			cmp.Compare(j.found[b].count, j.found[a].count), cmp.Compare(a.event, b.event), cmp.Compare(a.property, b.property),
			cmp.Compare(a.reason, b.reason), cmp.Compare(a.sdk.Name, b.sdk.Name), cmp.Compare(a.sdk.Version, b.sdk.Version),
		)
	})
	shown := all[:min(len(all), maxViolations)]
	out.Omitted = len(all) - len(shown)
	positions := make([]eventlog.Position, len(shown))
	for i, b := range shown {
		positions[i] = eventlog.Position(j.found[b].seq)
	}
	ids, err := j.ids(ctx, positions)
	if err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	for _, b := range shown {
		of := j.found[b]
		out.Violations = append(out.Violations, Violation{
			Event: b.event, Property: b.property, Reason: b.reason, Library: b.sdk.Name, LibraryVersion: b.sdk.Version,
			Count: of.count, LastSeen: time.UnixMicro(of.last).UTC(), Sample: ids[of.seq],
		})
	}
	return nil
}

// ids are those of the events at the positions.
func (j *judge) ids(ctx context.Context, at []eventlog.Position) (map[uint64]string, error) {
	out := map[uint64]string{}
	if len(at) == 0 {
		return out, nil
	}
	list := make([]string, len(at))
	for i, p := range at {
		list[i] = strconv.FormatUint(uint64(p), 10)
	}
	q := "SELECT seq, coalesce(id_text, " + j.dialect.Cast("id", store.Text) + ") FROM " + j.cut.EventsAt(at, "seq", "id", "id_text") +
		" WHERE seq IN (" + strings.Join(list, ", ") + ")"
	for row, err := range j.cut.Rows(ctx, q) {
		if err != nil {
			return nil, err
		}
		c := cells(row)
		seq := c.number()
		out[seq] = strings.Clone(c.text())
	}
	return out, nil
}
