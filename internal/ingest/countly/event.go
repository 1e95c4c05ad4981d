package countly

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// event reads one of the events.
func (d *decoder) event(v *jsontree.Value) {
	s, e := d.sink, &d.sink.Event
	o, err := v.Object()
	if err != nil {
		s.Fail("not_object", "the event is no JSON object")
		return
	}
	members := s.Members(2)
	add := func(key string, v *jsontree.Value) {
		if members.Has(key) {
			key = "$" + key
			members.Note(key)
		}
		e.Properties = append(e.Properties, s.Property([]byte(key), v))
	}
	segmentation := v.Get("segmentation")
	if segmentation != nil {
		segmentation.GetObject().Visit(func(key []byte, v *jsontree.Value) {
			members.NoteKey(key)
			e.Properties = append(e.Properties, s.Property(key, v))
		})
	}
	o.Visit(func(key []byte, v *jsontree.Value) {
		s.Member(key)
		switch string(key) {
		case "key":
			e.Name = s.Text(v)
		case "timestamp":
			if t, ok := ingest.Time(v); ok {
				e.OriginalTime = t
			}
		case "segmentation":
			if v.Type() != jsontree.TypeObject {
				add(string(key), v)
			}
		case "hour", "dow":
			// They follow from the time and its zone.
		default:
			if v.Type() != jsontree.TypeNull {
				add(string(key), v)
			}
		}
	})
	d.view(e, segmentation)
}

// view: an SDK reports a view when it begins, and its duration when it is over.
func (d *decoder) view(e *event.Event, segmentation *jsontree.Value) {
	if e.Name != "[CLY]_view" {
		return
	}
	switch {
	case !segmentation.Exists("visit"):
		e.Name = nameScreenEnd
	case webSDK(e.Context.LibraryName):
		e.Kind, e.Name = event.Page, event.NamePage
	default:
		e.Kind, e.Name = event.Screen, event.NameScreen
	}
}

// device reads the metrics that the begin of a session brings.
func (d *decoder) device(v *jsontree.Value, x *ingest.Extra) {
	s, c := d.sink, &d.sink.Event.Context
	left := s.Extra()
	names := s.Members(1)
	v.GetObject().Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		text := strings.Clone(s.Text(v)) // It is for more than one event.
		var column *string
		switch string(key) {
		case "_os":
			column = &c.OSName
		case "_os_version":
			column = &c.OSVersion
		case "_device":
			column = &c.DeviceModel
		case "_manufacturer":
			column = &c.DeviceManufacturer
		case "_device_type":
			column = &c.DeviceType
		case "_carrier":
			column = &c.Carrier
		case "_locale":
			column = &c.Locale
		case "_app_version":
			column = &c.AppVersion
		case "_ua":
			column = &c.UserAgent
		case "_resolution":
			if s.Resolution(text) {
				return
			}
		}
		if column == nil || text == "" {
			left.Add(string(key), v)
			return
		}
		*column = text
	})
	x.AddJSON("metrics", left.String())
}

// operations are what may be done to a detail of the user.
var operations = map[string]event.Op{
	"$set": event.Set, "$setOnce": event.SetOnce, "$inc": event.Add, "$mul": event.Multiply, "$max": event.Max, "$min": event.Min,
	"$push": event.Append, "$addToSet": event.Union, "$pull": event.Remove,
}

// user reads the details of the user. One that is set to an empty text is taken away.
func (d *decoder) user() {
	s, e := d.sink, &d.sink.Event
	v := d.json("user_details")
	e.Kind, e.Name = event.Identify, event.NameIdentify
	if v == nil || v.Type() != jsontree.TypeObject {
		s.Fail("not_object", "the details of the user are no JSON object")
		return
	}
	v.GetObject().Visit(func(key []byte, v *jsontree.Value) {
		s.Member(key)
		if string(key) != "custom" || v.Type() != jsontree.TypeObject {
			d.trait(key, event.Set, v)
			return
		}
		v.GetObject().Visit(func(key []byte, v *jsontree.Value) { d.custom(key, v) })
	})
}

// custom reads a detail that the app has named itself: a value, or operations on it.
func (d *decoder) custom(key []byte, v *jsontree.Value) {
	o := v.GetObject()
	if o == nil || o.Len() == 0 {
		d.trait(key, event.Set, v)
		return
	}
	known := true
	o.Visit(func(name []byte, _ *jsontree.Value) {
		if _, ok := operations[string(name)]; !ok {
			known = false
		}
	})
	if !known {
		d.trait(key, event.Set, v)
		return
	}
	o.Visit(func(name []byte, v *jsontree.Value) { d.trait(key, operations[string(name)], v) })
}

func (d *decoder) trait(key []byte, op event.Op, v *jsontree.Value) {
	e := &d.sink.Event
	p := d.sink.Property(key, v)
	if p.Op = op; p.Type == event.String && p.Str == "" && op == event.Set {
		p.Op, p.Type = event.Unset, event.Null
	}
	same := func(other event.Property) bool { return other.Key == p.Key && other.Op == p.Op }
	if slices.ContainsFunc(e.Traits, same) {
		// The app has given one of its own the name of one that Countly has.
		if p.Key = "custom." + p.Key; slices.ContainsFunc(e.Traits, same) {
			d.sink.Fail("duplicate_key", "a detail of the user is given twice")
		}
	}
	e.Traits = append(e.Traits, p)
}
