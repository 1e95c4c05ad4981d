package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/store"
)

// Schema is what a project's events look like.
type Schema struct {
	// Events are the names of events, the most frequent first, at most 5000.
	Events []SchemaEvent `json:"events"`
	// Properties are the properties of events by key.
	Properties []SchemaProperty `json:"properties"`
	// Traits are the properties of people, by key.
	Traits []SchemaTrait `json:"traits"`
	// Columns are the properties that every project has.
	Columns []SchemaColumn `json:"columns"`
	// PropertyLimit is how many property columns a project may have; what is past it is slower to ask about.
	PropertyLimit int             `json:"property_limit"`
	Watermark     store.Watermark `json:"watermark"`
}

// SchemaEvent is the name of an event.
type SchemaEvent struct {
	Name      string    `json:"name"`
	Count     int64     `json:"count"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// SchemaProperty is a property of events.
type SchemaProperty struct {
	Key string `json:"key"`
	// Types are "text", "number", "boolean", "time" and "json", in this order.
	Types []string `json:"types"`
	// Column tells that the property has a column; the values of others are in the JSON object of the overflow.
	Column bool `json:"column"`
	// Count is how many events have it. FirstSeen and LastSeen are the days of UTC on which the first and the last of
	// them happened; they are missing when none of those counted has it.
	Count     int64      `json:"count"`
	FirstSeen *time.Time `json:"first_seen,omitempty"`
	LastSeen  *time.Time `json:"last_seen,omitempty"`
	// Approximate tells that Count, FirstSeen and LastSeen are those of a project's newest events only.
	Approximate bool `json:"approximate,omitempty"`
}

const (
	schemaEvents = 5000
	// schemaCells bounds the work of counting: of so many of the newest events, times columns, the properties are
	// counted. A core does about 100 million a second.
	schemaCells = 25_000_000
	// schemaOverflow is how many of the newest events that have an overflow are counted.
	schemaOverflow = 10_000
)

// Schema tells which events and properties a project has.
func (e *Engine) Schema(ctx context.Context, s Scope) (*Schema, error) {
	out := &Schema{Events: []SchemaEvent{}, Columns: schemaColumns()}
	err := e.ask(ctx, "schema", s, func(ctx context.Context, cut *peopledCut) error {
		out.PropertyLimit, out.Watermark = cut.Schema().PropertyLimit, cut.Watermark()
		if err := out.events(ctx, cut); err != nil {
			return fmt.Errorf("count events by name: %w", err)
		}
		b := schemaBuilder{cut: cut, byKey: map[string]*SchemaProperty{}}
		if err := b.bound(ctx); err != nil {
			return fmt.Errorf("count events: %w", err)
		}
		if err := b.columns(ctx); err != nil {
			return fmt.Errorf("count properties: %w", err)
		}
		if err := b.overflow(ctx); err != nil {
			return fmt.Errorf("count properties without a column: %w", err)
		}
		out.Properties = b.properties()
		var err error
		if out.Traits, err = b.traits(ctx); err != nil {
			return fmt.Errorf("count traits: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Schema) events(ctx context.Context, cut store.Cut) error {
	q := "SELECT event, count(*) AS n, min(time), max(time) FROM " + cut.Events("event", "time") +
		fmt.Sprintf(" WHERE event IS NOT NULL GROUP BY event ORDER BY n DESC, event LIMIT %d", schemaEvents)
	for row, err := range cut.Rows(ctx, q) {
		if err != nil {
			return err
		}
		c := cells(row)
		s.Events = append(s.Events, SchemaEvent{c.text(), c.int(), c.time(), c.time()})
	}
	return nil
}

// schemaBuilder gathers properties by key.
type schemaBuilder struct {
	cut   cohortCut
	byKey map[string]*SchemaProperty
	// first is the first position that is counted, partial that there are events before it.
	first   uint64
	partial bool
}

// bound finds the first position to count from. Positions are shared by all projects, so the stretch is doubled until
// it holds enough events of this one.
func (b *schemaBuilder) bound(ctx context.Context) error {
	end := uint64(b.cut.Watermark().Position)
	wanted := uint64(schemaCells / max(25, len(propertyColumns(b.cut.Schema()))))
	for stretch := wanted; stretch < end; stretch *= 2 {
		n, err := count(ctx, b.cut, fmt.Sprintf("SELECT count(*) FROM %s WHERE seq >= %d", b.cut.Events("seq"), end-stretch))
		if err != nil {
			return err
		}
		if uint64(n) >= wanted/2 {
			b.first = end - stretch
			break
		}
	}
	if b.first == 0 {
		return nil
	}
	before, err := count(ctx, b.cut, fmt.Sprintf("SELECT count(*) FROM %s WHERE seq < %d", b.cut.Events("seq"), b.first))
	b.partial = before > 0
	return err
}

func (b *schemaBuilder) property(key string) *SchemaProperty {
	p := b.byKey[key]
	if p == nil {
		p = &SchemaProperty{Key: key, Approximate: b.partial}
		b.byKey[key] = p
	}
	return p
}

func (p *SchemaProperty) seen(typ string, n int64, day time.Time) {
	if !slices.Contains(p.Types, typ) {
		p.Types = append(p.Types, typ)
	}
	if n == 0 {
		return
	}
	p.Count += n
	if p.FirstSeen == nil || day.Before(*p.FirstSeen) {
		p.FirstSeen = &day
	}
	if p.LastSeen == nil || day.After(*p.LastSeen) {
		p.LastSeen = &day
	}
}

// columns counts the values of the property columns by day.
func (b *schemaBuilder) columns(ctx context.Context) error {
	props := propertyColumns(b.cut.Schema())
	if len(props) == 0 {
		return nil
	}
	names, counts := []string{"seq", "time"}, make([]string, len(props))
	for i, p := range props {
		b.property(p.Key).Column = true
		b.property(p.Key).seen(typeWords[p.Type], 0, time.Time{})
		names = append(names, p.Column)
		counts[i] = "count(" + p.Column + ")"
	}
	q := fmt.Sprintf("SELECT %s AS d, %s FROM %s WHERE seq >= %d GROUP BY d",
		b.cut.Dialect().Midnight("time"), strings.Join(counts, ", "), b.cut.Events(names...), b.first)
	for row, err := range b.cut.Rows(ctx, q) {
		if err != nil {
			return err
		}
		c := cells(row)
		day := c.time()
		for _, p := range props {
			b.property(p.Key).seen(typeWords[p.Type], c.int(), day)
		}
	}
	return nil
}

// overflow counts the keys in the newest overflows.
func (b *schemaBuilder) overflow(ctx context.Context) error {
	q := fmt.Sprintf("SELECT overflow, time FROM %s WHERE overflow IS NOT NULL AND seq >= %d ORDER BY seq DESC LIMIT %d",
		b.cut.Events("seq", "time", "overflow"), b.first, schemaOverflow+1)
	var parser fastjson.Parser
	found := map[string]*SchemaProperty{}
	n := 0
	for row, err := range b.cut.Rows(ctx, q) {
		if err != nil {
			return err
		}
		if n++; n > schemaOverflow {
			break
		}
		c := cells(row)
		v, err := parser.Parse(c.text())
		if err != nil || v.Type() != fastjson.TypeObject {
			continue
		}
		day := c.time().Truncate(24 * time.Hour)
		v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
			if v.Type() == fastjson.TypeNull {
				return
			}
			p := found[string(k)]
			if p == nil {
				p = b.property(string(k))
				found[p.Key] = p
			}
			p.seen(typeWord(v), 1, day)
		})
	}
	for _, p := range found {
		p.Approximate = p.Approximate || n > schemaOverflow
	}
	return nil
}

func (b *schemaBuilder) properties() []SchemaProperty {
	out := make([]SchemaProperty, 0, len(b.byKey))
	for _, p := range b.byKey {
		slices.SortFunc(p.Types, func(a, b string) int { return slices.Index(typeOrder[:], a) - slices.Index(typeOrder[:], b) })
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b SchemaProperty) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

var typeOrder = [...]string{"text", "number", "boolean", "time", "json"}

var typeWords = map[store.Type]string{
	store.Text: "text", store.Float: "number", store.Boolean: "boolean", store.Time: "time", store.JSON: "json",
}

// typeWord is the type that a value of an overflow has.
func typeWord(v *fastjson.Value) string {
	switch v.Type() {
	case fastjson.TypeString:
		if b, _ := v.StringBytes(); len(b) == len(timeForm) {
			if _, ok := store.ParseTime(string(b)); ok {
				return "time"
			}
		}
		return "text"
	case fastjson.TypeNumber:
		return "number"
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return "boolean"
	default:
		return "json"
	}
}
