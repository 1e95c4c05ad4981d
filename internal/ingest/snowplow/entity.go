package snowplow

import (
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// vendor begins the schemas that trackers fill themselves; all others are the app's own.
const vendor = "iglu:com.snowplowanalytics."

// readEntities reads what trackers call contexts: of the device, the app and the session into the event's context,
// of the app's own as properties named after their schema.
func (d *decoder) readEntities() {
	if d.contexts == "" {
		return
	}
	s := d.sink
	v := d.entities.Parse(s, d.contexts)
	if v == nil {
		return
	}
	items := v.GetArray()
	if v.Type() == jsontree.TypeObject {
		items = v.GetArray("data")
	}
	if items == nil {
		d.extra.Add("contexts", v)
		return
	}
	var rest []byte
	for _, item := range items {
		uri, data := string(item.GetStringBytes("schema")), item.Get("data")
		name, left := schemaName(uri), ""
		switch ours := strings.HasPrefix(uri, vendor); {
		case data == nil:
			continue
		case ours && mapped[name] != nil:
			x := d.fill(mapped[name], data)
			left = x.String()
		case !ours && name != "" && !d.members.Has(name):
			s.Event.Properties = append(s.Event.Properties, s.Property([]byte(name), data))
		default:
			left = string(s.Nested(nil, data))
		}
		if left != "" {
			rest = appendEntity(rest, uri, left)
		}
	}
	if rest != nil {
		d.extra.AddJSON("contexts", string(append(rest, ']')))
	}
}

func appendEntity(rest []byte, uri, data string) []byte {
	if rest == nil {
		rest = append(rest, '[')
	} else {
		rest = append(rest, ',')
	}
	rest = append(event.AppendJSONString(append(rest, `{"schema":`...), uri), `,"data":`...)
	return append(append(rest, data...), '}')
}

// columns tells where a member of an entity belongs; nil when it has no column.
type columns func(e *event.Event, name []byte) *string

// mapped are the entities whose members have columns.
var mapped = map[string]columns{"mobile_context": mobile, "client_session": session, "application": application}

func mobile(e *event.Event, name []byte) *string {
	c := &e.Context
	switch string(name) {
	case "osType":
		return &c.OSName
	case "osVersion":
		return &c.OSVersion
	case "deviceManufacturer":
		return &c.DeviceManufacturer
	case "deviceModel":
		return &c.DeviceModel
	case "carrier":
		return &c.Carrier
	case "networkType":
		return &c.NetworkType
	case "appleIdfv":
		return &c.DeviceID
	}
	return nil
}

func application(e *event.Event, name []byte) *string {
	switch string(name) {
	case "version":
		return &e.Context.AppVersion
	case "build":
		return &e.Context.AppBuild
	}
	return nil
}

// session: the id that a mobile tracker gives the installation is the device's when the event has no other.
func session(e *event.Event, name []byte) *string {
	switch {
	case string(name) == "userId" && e.AnonymousID == "":
		return &e.AnonymousID
	case string(name) == "sessionId" && e.SessionID == "":
		return &e.SessionID
	}
	return nil
}

// fill gives an entity's members to their columns and returns the others.
func (d *decoder) fill(where columns, data *jsontree.Value) ingest.Extra {
	s, x := d.sink, d.sink.Extra()
	o, err := data.Object()
	if err != nil {
		return x
	}
	names := s.Members(1)
	o.Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		text := s.Text(v)
		column := where(&s.Event, key)
		if text == "" || column == nil {
			x.Add(string(key), v)
			return
		}
		*column = text
	})
	if c := &s.Event.Context; c.NetworkType == "mobile" {
		c.NetworkType = "cellular"
	}
	return x
}
