package amplitude

import (
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
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
		if of.Type() != jsontree.TypeNull {
			f.property("user_properties", of)
		}
		return
	}
	plain := true
	o.Visit(func(key []byte, _ *jsontree.Value) {
		_, ok := operations[string(key)]
		plain = plain && !ok && string(key) != clearAll
	})
	if plain {
		f.sink.Change(event.Set, of)
		return
	}
	names := f.sink.Members(1)
	o.Visit(func(key []byte, v *jsontree.Value) {
		names.Note(string(key))
		f.change(key, v)
	})
}

// change applies one member of an object with operations: what is none is a value to set.
func (f *fields) change(key []byte, v *jsontree.Value) {
	e := &f.sink.Event
	op, ok := operations[string(key)]
	switch {
	case string(key) == clearAll:
		e.Traits = append(e.Traits, event.Property{Key: clearAll, Op: event.Clear})
	case ok && v.Type() == jsontree.TypeObject:
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

// member reads which groups the event belongs to. One is its group; if there are more, all of them are a property.
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
	kind, id, one := only(f.groups)
	changed := e.Kind == event.Group
	if id != nil && e.GroupID == "" && (one || changed) {
		e.GroupID = f.sink.Text(id)
		if changed && !f.has("$group_type") {
			e.Properties = append(e.Properties, event.Property{Key: "$group_type", Type: event.String, Str: kind})
		}
	}
	if !one || !changed {
		f.property("$groups", f.groups)
	}
}

// only is the first group of an object that has the ids of groups by their types, and whether it is the only one.
func only(groups *jsontree.Value) (kind string, id *jsontree.Value, one bool) {
	o, err := groups.Object()
	if err != nil {
		return "", nil, false
	}
	one = o.Len() == 1
	o.Visit(func(key []byte, v *jsontree.Value) {
		if id != nil {
			return
		}
		kind, id = string(key), v
		if ids, err := v.Array(); err == nil && len(ids) > 0 {
			id, one = ids[0], one && len(ids) == 1
		}
	})
	return kind, id, one
}
