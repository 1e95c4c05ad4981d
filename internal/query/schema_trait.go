package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fastjson"
)

// SchemaTrait is a property of people.
type SchemaTrait struct {
	Key string `json:"key"`
	// Types are those of the values that people have now, as in SchemaProperty.
	Types []string `json:"types"`
	// People is how many have the trait now.
	People int64 `json:"people"`
	// Values are the most frequent ones, at most 8, the text of each at most 80 bytes of JSON: longer ones are left out.
	Values []TraitValue `json:"values"`
	// Approximate tells that only the newest changes of traits were looked at for the above.
	Approximate bool `json:"approximate,omitempty"`
	// FirstSeen and LastSeen are the times of the first and of the last event that set it to anything but null, for whomever, or
	// set it once, whatever became of that. SeenApproximate tells that they are those of the project's newest events only.
	FirstSeen       *time.Time `json:"first_seen,omitempty"`
	LastSeen        *time.Time `json:"last_seen,omitempty"`
	SeenApproximate bool       `json:"seen_approximate,omitempty"`
}

// TraitValue is a value of a trait, and how many people have it.
type TraitValue struct {
	// Value is a text, a number or a boolean.
	Value  any   `json:"value"`
	People int64 `json:"people"`
}

const (
	// schemaChanges is how many of the newest events with traits are looked at.
	schemaChanges = 20_000
	// schemaValues bounds the different values of one trait that are counted; later ones are not told.
	schemaValues     = 1_000
	schemaValueBytes = 80
	shownValues      = 8
)

// traits folds the newest changes of traits into those that people have now.
func (b *schemaBuilder) traits(ctx context.Context) ([]SchemaTrait, error) {
	q := fmt.Sprintf("SELECT person, traits FROM (SELECT person, traits, time, seq FROM %s WHERE %s AND seq >= %d"+
		" ORDER BY seq DESC LIMIT %d) ORDER BY person, time, seq", b.cut.Events("person", "traits", "time", "seq", "kind"), withTraits, b.first, schemaChanges)
	count, rows := traitCount{byKey: map[string]*countedTrait{}}, 0
	var person uint64
	fold := newTraitFold()
	for row, err := range b.cut.Rows(ctx, q) {
		if err != nil {
			return nil, err
		}
		rows++
		c := cells(row)
		if p := c.number(); p != person {
			count.add(person, fold)
			person, fold = p, newTraitFold()
		}
		fold.apply(c.text())
	}
	count.add(person, fold)
	told := count.told(b.partial || rows == schemaChanges)
	if len(told) == 0 {
		return told, nil
	}
	seen, err := b.seen(ctx)
	if err != nil {
		return nil, err
	}
	for i := range told {
		t := &told[i]
		t.SeenApproximate = b.partial
		if at, found := seen[t.Key]; found {
			t.FirstSeen, t.LastSeen = &at.first, &at.last
		}
	}
	return told, nil
}

// traitCount counts people by trait and value.
type traitCount struct {
	parser fastjson.Parser
	byKey  map[string]*countedTrait
}

type countedTrait struct {
	people int64
	types  map[string]struct{}
	// values are JSON.
	values map[string]int64
}

// add counts one person; what has number 0 is nobody's.
func (t *traitCount) add(person uint64, f *traitFold) {
	if person == 0 {
		return
	}
	for key, value := range f.all() {
		v, err := t.parser.Parse(value)
		if err != nil || v.Type() == fastjson.TypeNull {
			continue
		}
		c := t.byKey[key]
		if c == nil {
			c = &countedTrait{types: map[string]struct{}{}, values: map[string]int64{}}
			t.byKey[key] = c
		}
		c.people++
		word := typeWord(v)
		c.types[word] = struct{}{}
		if _, known := c.values[value]; word != "json" && len(value) <= schemaValueBytes && (known || len(c.values) < schemaValues) {
			c.values[value]++
		}
	}
}

// told are the traits by key.
func (t *traitCount) told(approximate bool) []SchemaTrait {
	out := make([]SchemaTrait, 0, len(t.byKey))
	for _, key := range slices.Sorted(maps.Keys(t.byKey)) {
		c := t.byKey[key]
		s := SchemaTrait{Key: key, People: c.people, Values: []TraitValue{}, Approximate: approximate}
		for _, word := range typeOrder {
			if _, has := c.types[word]; has {
				s.Types = append(s.Types, word)
			}
		}
		values := slices.SortedFunc(maps.Keys(c.values), func(a, b string) int {
			return cmp.Or(cmp.Compare(c.values[b], c.values[a]), cmp.Compare(a, b))
		})
		for _, value := range values[:min(shownValues, len(values))] {
			s.Values = append(s.Values, TraitValue{t.plain(value), c.values[value]})
		}
		out = append(out, s)
	}
	return out
}

// plain is a value out of its JSON.
func (t *traitCount) plain(value string) any {
	v, err := t.parser.Parse(value)
	if err != nil {
		return nil
	}
	switch v.Type() {
	case fastjson.TypeString:
		return string(v.GetStringBytes())
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return v.GetBool()
	default:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil
		}
		return n
	}
}
