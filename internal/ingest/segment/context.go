package segment

import (
	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
)

// Context fills the event's context from a Segment context object. Members without a place of their own are kept.
func Context(s *ingest.Sink, v *fastjson.Value) {
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
	value *fastjson.Value
	text  string
}

func (c *circumstances) read(v *fastjson.Value) {
	o, err := v.Object()
	if err != nil {
		return
	}
	from := len(c.extra)
	o.Visit(func(key []byte, v *fastjson.Value) {
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
func (c *circumstances) keep(key string, v *fastjson.Value) {
	if v == nil || v.Type() == fastjson.TypeNull {
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
func (c *circumstances) member(key []byte, v *fastjson.Value) named {
	switch string(key) {
	case "app":
		return c.group(key, v, columns(app).put)
	case "device":
		return c.group(key, v, columns(device).put)
	case "os":
		return c.group(key, v, columns(system).put)
	case "library":
		return c.group(key, v, columns(library).put)
	case "page":
		return c.group(key, v, columns(page).put)
	case "campaign":
		return c.group(key, v, columns(campaign).put)
	case "network":
		return c.group(key, v, network)
	case "screen":
		return c.group(key, v, screen)
	}
	column := single(&c.sink.Event, key)
	switch text := c.sink.Text(v); {
	case column != nil && text != "":
		*column = text
	case v.Type() != fastjson.TypeNull && (column == nil || v.Type() != fastjson.TypeString):
		return named{name: string(key), value: v}
	}
	return named{}
}

// group gives the members of an object to their columns, and returns those for which put says that there is none.
func (c *circumstances) group(key []byte, v *fastjson.Value, put func(*ingest.Sink, []byte, *fastjson.Value) bool) named {
	if v.Type() != fastjson.TypeObject {
		if v.Type() == fastjson.TypeNull {
			return named{}
		}
		return named{name: string(key), value: v}
	}
	x := c.sink.Extra()
	v.GetObject().Visit(func(name []byte, v *fastjson.Value) {
		if !put(c.sink, name, v) {
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
func (column columns) put(s *ingest.Sink, name []byte, v *fastjson.Value) bool {
	at := column(&s.Event.Context, name)
	if at == nil {
		return false
	}
	text := s.Text(v)
	if text != "" {
		*at = text
	}
	return text != "" || v.Type() == fastjson.TypeString
}

func network(s *ingest.Sink, name []byte, v *fastjson.Value) bool {
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
func connected(c *event.Context, v *fastjson.Value, kind string, best bool) bool {
	if v.Type() == fastjson.TypeTrue && best {
		c.NetworkType = kind
	}
	return v.Type() == fastjson.TypeTrue || v.Type() == fastjson.TypeFalse
}

func screen(s *ingest.Sink, name []byte, v *fastjson.Value) bool {
	if v.Type() != fastjson.TypeNumber {
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
