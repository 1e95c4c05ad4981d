package amplitude

import (
	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
)

// operations are those of user_properties and group_properties.
var operations = map[string]event.Op{
	"$set": event.Set, "$setOnce": event.SetOnce, "$add": event.Add, "$append": event.Append, "$prepend": event.Prepend,
	"$unset": event.Unset, "$preInsert": event.PrependNew, "$postInsert": event.Union, "$remove": event.Remove,
}

const clearAll = "$clearAll"

// changes turns the properties of the person, or of the group, into traits.
func (f *fields) changes() {
	of, beside, name := f.user, f.group, "group_properties"
	if f.sink.Event.Kind == event.Group {
		of, beside, name = f.group, f.user, "user_properties"
	}
	f.property(name, beside)
	if of == nil {
		return
	}
	o, err := of.Object()
	if err != nil {
		if of.Type() != fastjson.TypeNull {
			f.property("user_properties", of)
		}
		return
	}
	plain := true
	o.Visit(func(key []byte, _ *fastjson.Value) {
		_, ok := operations[string(key)]
		plain = plain && !ok && string(key) != clearAll
	})
	if plain {
		f.sink.Change(event.Set, of)
		return
	}
	names := f.sink.Members(1)
	o.Visit(func(key []byte, v *fastjson.Value) {
		names.Note(string(key))
		f.change(key, v)
	})
}

// change applies one member of an object with operations: what is none is a value to set.
func (f *fields) change(key []byte, v *fastjson.Value) {
	e := &f.sink.Event
	op, ok := operations[string(key)]
	switch {
	case string(key) == clearAll:
		e.Traits = append(e.Traits, event.Property{Key: clearAll, Op: event.Clear})
	case ok && v.Type() == fastjson.TypeObject:
		f.sink.Change(op, v)
	default:
		p := f.sink.Property(key, v)
		for _, q := range e.Traits {
			if q.Key == p.Key && q.Op == event.Set {
				return
			}
		}
		e.Traits = append(e.Traits, p)
	}
}

// member reads which groups the event belongs to: the first is its group, and all of them stay as they came.
func (f *fields) member() {
	e := &f.sink.Event
	if f.groupType != nil || f.groupValue != nil {
		f.property("$group_type", f.groupType)
		if f.groupValue != nil {
			e.GroupID = f.sink.Text(f.groupValue)
		}
	}
	if f.groups == nil {
		return
	}
	o, err := f.groups.Object()
	if err != nil {
		f.property("$groups", f.groups)
		return
	}
	all := o.Len() > 1 || e.Kind != event.Group
	o.Visit(func(key []byte, v *fastjson.Value) {
		if e.GroupID != "" {
			return
		}
		if values, err := v.Array(); err == nil && len(values) > 0 {
			all = all || len(values) > 1
			v = values[0]
		}
		e.GroupID = f.sink.Text(v)
		if e.Kind == event.Group && !f.has("$group_type") {
			e.Properties = append(e.Properties, event.Property{Key: "$group_type", Type: event.String, Str: string(key)})
		}
	})
	if all {
		f.property("$groups", f.groups)
	}
}
