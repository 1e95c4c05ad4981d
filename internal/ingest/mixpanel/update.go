package mixpanel

import (
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// operations are those of updates; $unset, a list of names, and $delete are written in another way.
var operations = map[string]event.Op{
	"$set": event.Set, "$set_once": event.SetOnce, "$add": event.Add, "$append": event.Append, "$prepend": event.Prepend,
	"$union": event.Union, "$remove": event.Remove,
}

// update decodes what changes the properties of a person or of a group.
func (d *decoder) update(v *jsontree.Value, o *jsontree.Object) {
	s := d.sink
	e := &s.Event
	e.Kind, e.Name = event.Identify, event.NameIdentify
	f := fields{sink: s, decoder: d, extra: s.Extra()}
	o.Visit(func(key []byte, v *jsontree.Value) {
		s.Member(key)
		if !f.subject(string(key), v) && !f.change(string(key), v) {
			f.extra.Add(string(key), v)
		}
	})
	f.who()
	if f.time != nil {
		var ok bool
		if e.OriginalTime, ok = ingest.Time(f.time); !ok {
			f.extra.Add("$time", f.time)
		}
	}
	if d.options.sentAt != 0 {
		e.SentAt = d.options.sentAt
	}
	e.Context.Extra = f.extra.String()
	// Set back to what it was before, a property looks as it did the first time: only the time tells that it is not the
	// same update sent again.
	if e.OriginalTime != 0 {
		e.ID = ingest.ContentID(v)
	} else {
		e.ID = d.request.MomentID(v, s)
	}
	s.Accept(v)
}

// subject reads whose properties change.
func (f *fields) subject(key string, v *jsontree.Value) bool {
	s := f.sink
	e := &s.Event
	switch key {
	case "$token":
		f.decoder.key(s.Text(v))
	case "$distinct_id":
		f.distinct = s.Text(v)
	case "$user_id":
		f.user = s.Text(v)
	case "$device_id":
		f.device = s.Text(v)
	case "$time":
		f.time = v
	case "$ip":
		if e.Context.IP = s.Text(v); e.Context.IP == "0" {
			e.Context.IP = ""
			s.Elsewhere()
		}
	case "$group_id":
		e.Kind, e.Name, e.GroupID = event.Group, event.NameGroup, s.Text(v)
	case "$group_key":
		e.Properties = append(e.Properties, s.Property([]byte("$group_type"), v))
	default:
		return false
	}
	return true
}

// change reads an operation.
func (f *fields) change(key string, v *jsontree.Value) bool {
	s := f.sink
	e := &s.Event
	switch key {
	case "$unset":
		names, err := v.Array()
		if err != nil {
			return false
		}
		members := s.Members(2)
		for _, name := range names {
			text := s.Text(name)
			s.Key(text)
			if !members.Has(text) {
				e.Traits = append(e.Traits, event.Property{Key: text, Op: event.Unset})
			}
		}
	case "$delete":
		e.Traits = append(e.Traits, event.Property{Key: key, Op: event.Clear})
	default:
		op, ok := operations[key]
		if !ok || v.Type() != jsontree.TypeObject {
			return false
		}
		s.Change(op, v)
	}
	return true
}
