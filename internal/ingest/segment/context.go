package segment

import (
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Context fills the event's context from a Segment context object. Members without a place of their own are kept.
func Context(s *ingest.Sink, v *jsontree.Value) {
	c := circumstances{sink: s}
	c.read(v)
	s.Event.Context.Extra = c.text()
}

// circumstances gathers the contexts of one event: the batch's, and its own, which goes before.
type circumstances struct {
	sink  *ingest.Sink
	extra []named
}

// named is a member that has no column: its value, or what is left of it as JSON text.
type named struct {
	name  string
	value *jsontree.Value
	text  string
}

func (c *circumstances) read(v *jsontree.Value) {
	o, err := v.Object()
	if err != nil {
		return
	}
	from := len(c.extra)
	o.Visit(func(key []byte, v *jsontree.Value) {
		if left := c.member(key, v); left.value != nil || left.text != "" {
			c.replace(from, left)
		}
	})
}

// replace keeps a member instead of the one of that name that the batch has. Names that come twice in one context both
// stay, for the sink to judge.
func (c *circumstances) replace(from int, m named) {
	for i := range c.extra[:from] {
		if c.extra[i].name == m.name {
			c.extra[i] = m
			return
		}
	}
	c.extra = append(c.extra, m)
}

// keep adds a member of the event itself that has no place of its own, unless its context has one of that name.
func (c *circumstances) keep(key string, v *jsontree.Value) {
	if v == nil || v.Type() == jsontree.TypeNull {
		return
	}
	for i := range c.extra {
		if c.extra[i].name == key {
			return
		}
	}
	c.extra = append(c.extra, named{name: key, value: v})
}

// identified takes the traits of the context for those of the person.
func (c *circumstances) identified() {
	for i, m := range c.extra {
		if m.name == "traits" && m.value != nil {
			e := &c.sink.Event
			e.Traits = c.sink.Properties(e.Traits, m.value)
			c.extra = append(c.extra[:i], c.extra[i+1:]...)
			return
		}
	}
}

// text is what has no column, as a JSON object.
func (c *circumstances) text() string {
	if len(c.extra) == 0 {
		return ""
	}
	buf := []byte{'{'}
	for i, m := range c.extra {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(event.AppendJSONString(buf, m.name), ':')
		if m.value == nil {
			buf = append(buf, m.text...)
			continue
		}
		buf = c.sink.Nested(buf, m.value)
	}
	return string(append(buf, '}'))
}

// member gives a member of the context to its columns, and returns what of it has none.
func (c *circumstances) member(key []byte, v *jsontree.Value) named {
	switch string(key) {
	case "app":
		return c.group(key, v, app, nil)
	case "device":
		return c.group(key, v, device, nil)
	case "os":
		return c.group(key, v, system, nil)
	case "library":
		return c.group(key, v, library, nil)
	case "page":
		return c.group(key, v, page, nil)
	case "campaign":
		return c.group(key, v, campaign, nil)
	case "network":
		return c.group(key, v, nil, network)
	case "screen":
		return c.group(key, v, nil, screen)
	}
	column := single(&c.sink.Event, key)
	switch text := c.sink.Text(v); {
	case column != nil && text != "":
		*column = text
	case v.Type() != jsontree.TypeNull && (column == nil || v.Type() != jsontree.TypeString):
		return named{name: string(key), value: v}
	}
	return named{}
}

// group gives the members of an object to their columns, texts if put is nil, and returns those that have none.
func (c *circumstances) group(key []byte, v *jsontree.Value, texts columns, put func(*ingest.Sink, []byte, *jsontree.Value) bool) named {
	if v.Type() != jsontree.TypeObject {
		if v.Type() == jsontree.TypeNull {
			return named{}
		}
		return named{name: string(key), value: v}
	}
	x := c.sink.Extra()
	v.GetObject().Visit(func(name []byte, v *jsontree.Value) {
		if put != nil && !put(c.sink, name, v) || put == nil && !texts.put(c.sink, name, v) {
			x.Add(string(name), v)
		}
	})
	if text := x.String(); text != "" {
		return named{name: string(key), text: text}
	}
	return named{}
}

// single is the column of a member that is one text.
func single(e *event.Event, key []byte) *string {
	switch string(key) {
	case "locale":
		return &e.Context.Locale
	case "timezone":
		return &e.Context.Timezone
	case "userAgent":
		return &e.Context.UserAgent
	case "ip":
		return &e.Context.IP
	case "sessionId":
		return &e.SessionID
	}
	return nil
}

// columns of the members that have several texts.
type columns func(c *event.Context, name []byte) *string

func app(c *event.Context, name []byte) *string {
	switch string(name) {
	case "name":
		return &c.AppName
	case "version":
		return &c.AppVersion
	case "build":
		return &c.AppBuild
	case "namespace":
		return &c.AppNamespace
	}
	return nil
}

func device(c *event.Context, name []byte) *string {
	switch string(name) {
	case "id":
		return &c.DeviceID
	case "manufacturer":
		return &c.DeviceManufacturer
	case "model":
		return &c.DeviceModel
	case "type":
		return &c.DeviceType
	}
	return nil
}

func system(c *event.Context, name []byte) *string {
	switch string(name) {
	case "name":
		return &c.OSName
	case "version":
		return &c.OSVersion
	}
	return nil
}

func library(c *event.Context, name []byte) *string {
	switch string(name) {
	case "name":
		return &c.LibraryName
	case "version":
		return &c.LibraryVersion
	}
	return nil
}

func page(c *event.Context, name []byte) *string {
	switch string(name) {
	case "url":
		return &c.PageURL
	case "path":
		return &c.PagePath
	case "referrer":
		return &c.PageReferrer
	case "title":
		return &c.PageTitle
	case "search":
		return &c.PageSearch
	}
	return nil
}

func campaign(c *event.Context, name []byte) *string {
	switch string(name) {
	case "source":
		return &c.CampaignSource
	case "medium":
		return &c.CampaignMedium
	case "name":
		return &c.CampaignName
	case "term":
		return &c.CampaignTerm
	case "content":
		return &c.CampaignContent
	}
	return nil
}

// put gives a text to its column; false says that it has none.
func (column columns) put(s *ingest.Sink, name []byte, v *jsontree.Value) bool {
	at := column(&s.Event.Context, name)
	if at == nil {
		return false
	}
	text := s.Text(v)
	if text != "" {
		*at = text
	}
	return text != "" || v.Type() == jsontree.TypeString
}

func network(s *ingest.Sink, name []byte, v *jsontree.Value) bool {
	c := &s.Event.Context
	switch string(name) {
	case "carrier":
		if text := s.Text(v); text != "" {
			c.Carrier = text
		}
		return true
	case "wifi":
		return connected(c, v, "wifi", true)
	case "cellular":
		return connected(c, v, "cellular", c.NetworkType != "wifi")
	case "bluetooth":
		return connected(c, v, "bluetooth", c.NetworkType == "")
	}
	return false
}

// connected notes a kind of network that is on, unless a better one is.
func connected(c *event.Context, v *jsontree.Value, kind string, best bool) bool {
	if v.Type() == jsontree.TypeTrue && best {
		c.NetworkType = kind
	}
	return v.Type() == jsontree.TypeTrue || v.Type() == jsontree.TypeFalse
}

func screen(s *ingest.Sink, name []byte, v *jsontree.Value) bool {
	if v.Type() != jsontree.TypeNumber {
		return false
	}
	c := &s.Event.Context
	switch string(name) {
	case "width":
		c.ScreenWidth = int32(v.GetInt())
	case "height":
		c.ScreenHeight = int32(v.GetInt())
	case "density":
		c.ScreenDensity = v.GetFloat64()
	default:
		return false
	}
	return true
}
