package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/store"
)

// ProposePlan makes a tracking plan of the newest events, as many as Schema counts properties of: the most frequent events, and
// their properties that have a column or are among those of the newest 10,000 events with others. What every one of these events
// had is required; a property of several types may have any. Values are not listed.
func (e *Engine) ProposePlan(ctx context.Context, s Scope) (*TrackingPlan, error) {
	p := proposal{byName: map[string]int{}}
	err := e.ask(ctx, "proposal", s, func(ctx context.Context, cut *peopledCut) error {
		b := schemaBuilder{cut: cut, byKey: map[string]*SchemaProperty{}}
		if err := b.bound(ctx); err != nil {
			return fmt.Errorf("count events: %w", err)
		}
		if err := p.columns(ctx, cut, b.first); err != nil {
			return fmt.Errorf("count properties by event: %w", err)
		}
		if err := p.overflow(ctx, cut, b.first); err != nil {
			return fmt.Errorf("count properties without a column: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.plan(), nil
}

// proposal is what was seen, the most frequent events first.
type proposal struct {
	events []proposed
	byName map[string]int
}

type proposed struct {
	name  string
	count int64
	// types counts the values of each property by type.
	types map[string]map[string]int64
	// partly are the properties that were not looked for in every event.
	partly map[string]bool
}

func (p *proposed) seen(key, typ string, n int64) {
	if p.types[key] == nil {
		p.types[key] = map[string]int64{}
	}
	p.types[key][typ] += n
}

// judged leaves out what tells who somebody is.
const judged = "kind NOT IN ('identify', 'group', 'alias')"

func (p *proposal) columns(ctx context.Context, cut store.Cut, first uint64) error {
	props := propertyColumns(cut.Schema())
	names := append(make([]string, 0, 3+len(props)), "event", "kind", "seq")
	var counts strings.Builder
	for _, c := range props {
		names = append(names, c.Column)
		counts.WriteString(", count(" + c.Column + ")")
	}
	q := fmt.Sprintf("SELECT event, count(*) AS n%s FROM %s WHERE seq >= %d AND %s AND event <> '' GROUP BY event ORDER BY n DESC, event LIMIT %d",
		counts.String(), cut.Events(names...), first, judged, maxPlanned)
	for row, err := range cut.Rows(ctx, q) {
		if err != nil {
			return err
		}
		c := cells(row)
		e := proposed{strings.Clone(c.text()), c.int(), map[string]map[string]int64{}, map[string]bool{}}
		for _, column := range props {
			if n := c.int(); n > 0 {
				e.seen(column.Key, typeWords[column.Type], n)
			}
		}
		p.byName[e.name] = len(p.events)
		p.events = append(p.events, e)
	}
	return nil
}

func (p *proposal) overflow(ctx context.Context, cut store.Cut, first uint64) error {
	q := fmt.Sprintf("SELECT event, overflow FROM %s WHERE overflow IS NOT NULL AND seq >= %d AND %s ORDER BY seq DESC LIMIT %d",
		cut.Events("event", "kind", "seq", "overflow"), first, judged, schemaOverflow)
	var parser fastjson.Parser
	for row, err := range cut.Rows(ctx, q) {
		if err != nil {
			return err
		}
		c := cells(row)
		at, ok := p.byName[c.text()]
		v, err := parser.Parse(c.text())
		if !ok || err != nil || v.Type() != fastjson.TypeObject {
			continue
		}
		e := &p.events[at]
		v.GetObject().Visit(func(k []byte, v *fastjson.Value) {
			if v.Type() != fastjson.TypeNull {
				e.seen(string(k), typeWord(v), 1)
				e.partly[string(k)] = true
			}
		})
	}
	return nil
}

// plan keeps to the limits of plans; what is rare is left out.
func (p *proposal) plan() *TrackingPlan {
	out := &TrackingPlan{Events: []PlannedEvent{}}
	keys, total := map[string]bool{}, 0
	for i := range p.events {
		e := &p.events[i]
		if plannedName(e.name, "") != nil {
			continue
		}
		planned := PlannedEvent{Name: e.name}
		for _, key := range sortedKeys(e.types) {
			if plannedName(key, "") != nil || !keys[key] && len(keys) == maxPlannedKeys || total == maxPlannedProps {
				continue
			}
			if _, builtIn := builtInColumn(key); builtIn {
				continue // the plan would mean the column of that name
			}
			keys[key] = true
			total++
			planned.Properties = append(planned.Properties, e.property(key))
		}
		out.Events = append(out.Events, planned)
	}
	return out
}

func (p *proposed) property(key string) PlannedProperty {
	out, n := PlannedProperty{Key: key}, int64(0)
	for typ, count := range p.types[key] {
		n += count
		out.Type = typ
	}
	switch types := p.types[key]; {
	case len(types) == 2 && types["time"] > 0 && types[typeText] > 0:
		out.Type = typeText
	case len(types) > 1:
		out.Type = ""
	}
	out.Required = n == p.count && !p.partly[key]
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
