package query_test

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

// scalar is a value as the oracle sees it. kind: 0 missing, 'z' null, 's' text, 'n' number, 'b' boolean, 'j' nested.
type scalar struct {
	kind byte
	text string
	num  float64
}

func (o *oracle) person(e *event.Event) uint64 {
	p := e.Derived.Person
	if to, ok := o.handed[e.Derived.Span]; ok && !o.last {
		p = to
	}
	for {
		next, ok := o.merged[p]
		if !ok {
			return p
		}
		p = next
	}
}

func scalarOf(ps []event.Property, key string) scalar {
	for i := range ps {
		if ps[i].Key != key {
			continue
		}
		p := &ps[i]
		switch p.Type {
		case event.Null:
			return scalar{kind: 'z'}
		case event.Bool:
			return scalar{kind: 'b', text: strconv.FormatBool(p.Num != 0)}
		case event.Number:
			return scalar{kind: 'n', num: p.Num}
		case event.String:
			return scalar{kind: 's', text: p.Str}
		case event.JSON:
			if f, err := strconv.ParseFloat(p.Str, 64); err == nil {
				return scalar{kind: 'n', num: f}
			}
			return scalar{kind: 'j', text: p.Str}
		}
	}
	return scalar{}
}

// plainNumber is what a text must look like to be a number.
var plainNumber = regexp.MustCompile(`^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$`)

// asNumber is a value read as a number.
func (v scalar) asNumber() scalar {
	if v.kind == 's' && plainNumber.MatchString(v.text) {
		if f, err := strconv.ParseFloat(v.text, 64); err == nil {
			return scalar{kind: 'n', num: f}
		}
	}
	if v.kind == 'n' {
		return v
	}
	return scalar{}
}

func (o *oracle) property(e *event.Event, ref query.PropertyRef) scalar {
	if ref.As == "number" {
		ref.As = ""
		return o.property(e, ref).asNumber()
	}
	if ref.Of == "person" {
		return o.trait(e, ref)
	}
	builtIn := map[string]string{
		"$event": e.Name, "$kind": e.Kind.String(), "$country": e.Derived.Country, "$os": e.Context.OSName,
		"$app_version": e.Context.AppVersion, "$user_id": e.UserID, "$library": e.Context.LibraryName,
	}
	if s, ok := builtIn[ref.Property]; ok {
		if s == "" {
			return scalar{}
		}
		return scalar{kind: 's', text: s}
	}
	return scalarOf(e.Properties, ref.Property)
}

// trait is what the events of the person have made of it, one after the other.
func (o *oracle) trait(e *event.Event, ref query.PropertyRef) scalar {
	var of []*event.Event
	for i := range o.events {
		f := &o.events[i]
		if f.Kind != event.Group && o.person(f) == o.person(e) && (ref.At != "event" || f.Derived.Time <= e.Derived.Time) {
			of = append(of, f)
		}
	}
	slices.SortFunc(of, func(a, b *event.Event) int {
		return cmp.Or(cmp.Compare(a.Derived.Time, b.Derived.Time), cmp.Compare(a.Derived.Position, b.Derived.Position))
	})
	var out scalar
	for _, f := range of {
		by := map[event.Op][]event.Property{}
		for _, p := range f.Traits {
			by[p.Op] = append(by[p.Op], p)
		}
		if v := scalarOf(by[event.SetOnce], ref.Property); out.kind == 0 {
			out = v
		}
		if v := scalarOf(by[event.Set], ref.Property); v.kind != 0 {
			out = v
		}
		if scalarOf(by[event.Unset], ref.Property).kind != 0 || by[event.Clear] != nil {
			out = scalar{}
		}
	}
	return out
}

func (o *oracle) matches(e *event.Event, f *query.Filter) bool {
	if f == nil {
		return true
	}
	for _, g := range f.And {
		if !o.matches(e, g) {
			return false
		}
	}
	if f.And != nil {
		return true
	}
	for _, g := range f.Or {
		if o.matches(e, g) {
			return true
		}
	}
	if f.Or != nil {
		return false
	}
	if f.Cohort != "" {
		return o.inKept(e, f.Cohort) == (f.Op == "in")
	}
	v := o.property(e, f.PropertyRef)
	switch f.Op {
	case "is_not":
		return !compare(v, "is", f.Value)
	case "not_contains":
		return !compare(v, "contains", f.Value)
	case "not_in":
		return !compare(v, "in", f.Value)
	case "is_not_set":
		return v.kind == 0
	case "is_set":
		return v.kind != 0
	}
	return compare(v, f.Op, f.Value)
}

func compare(v scalar, op string, want any) bool {
	text, isText := want.(string)
	number, isNumber := want.(float64)
	switch op {
	case "is":
		b, isBool := want.(bool)
		return isText && v.kind == 's' && v.text == text || isNumber && v.kind == 'n' && v.num == number ||
			isBool && v.kind == 'b' && v.text == strconv.FormatBool(b)
	case "in":
		return slices.ContainsFunc(want.([]any), func(w any) bool { return compare(v, "is", w) })
	case "contains":
		return v.kind == 's' && strings.Contains(strings.ToLower(v.text), strings.ToLower(text))
	case "starts_with":
		return v.kind == 's' && strings.HasPrefix(strings.ToLower(v.text), strings.ToLower(text))
	case "ends_with":
		return v.kind == 's' && strings.HasSuffix(strings.ToLower(v.text), strings.ToLower(text))
	case "regex":
		return v.kind == 's' && regexp.MustCompile(text).MatchString(v.text)
	case "between":
		list := want.([]any)
		return compare(v, "gte", list[0]) && compare(v, "lte", list[1])
	case "before", "after":
		us, ok := store.ParseTime(v.text)
		at, err := time.Parse(time.RFC3339Nano, text)
		if v.kind != 's' || !ok || err != nil {
			return false
		}
		return op == "before" && us < at.UnixMicro() || op == "after" && us > at.UnixMicro()
	}
	var order int
	switch {
	case isText && v.kind == 's':
		order = cmp.Compare(v.text, text)
	case isNumber && v.kind == 'n':
		order = cmp.Compare(v.num, number)
	default:
		return false
	}
	return op == "gt" && order > 0 || op == "gte" && order >= 0 || op == "lt" && order < 0 || op == "lte" && order <= 0
}

// tag is the value as one text, by which equal totals are ordered; "" for none.
func (v scalar) tag(builtIn bool) string {
	switch {
	case v.kind == 0 || v.kind == 'z':
		return ""
	case builtIn:
		return v.text
	case v.kind == 'n':
		if v.num == math.Trunc(v.num) && math.Abs(v.num) < 1e15 {
			return fmt.Sprintf("n%.1f", v.num)
		}
		return fmt.Sprintf("n%g", v.num)
	}
	return string(v.kind) + v.text
}

func (v scalar) label() any {
	switch v.kind {
	case 0, 'z':
		return "$none"
	case 'n':
		return v.num
	case 'b':
		return v.text == "true"
	}
	return v.text
}
