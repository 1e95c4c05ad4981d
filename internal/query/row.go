package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// eventColumns are the built-in columns that an Event is made of, in the order in which rowReader.read takes them.
var eventColumns = [...]string{
	"seq", "id", "id_text", "kind", "event", "time", "received", "skew", "flags", "person",
	"user_id", "anonymous_id", "group_id", "device_id", "session_id", "country", "region", "city", "browser", "protocol",
	"traits", "overflow", "extra",
	"app_name", "app_version", "app_build", "app_namespace",
	"device_manufacturer", "device_model", "device_type", "os", "os_version",
	"library", "library_version", "page_url", "page_path", "page_title", "referrer",
	"campaign_source", "campaign_medium", "campaign_name", "carrier", "network", "locale", "timezone",
}

// rowReader makes Events of rows that have the columns it names.
type rowReader struct {
	columns []string
	// props are the property columns behind the built-in ones, by key.
	props  []store.PropertyColumn
	parser fastjson.Parser
	last   map[string]*fastjson.Value
}

// newRowReader reads rows with the property columns for which keep says so; nil keeps all.
func newRowReader(s *store.Schema, keep func(store.PropertyColumn) bool) *rowReader {
	r := &rowReader{props: propertyColumns(s), last: map[string]*fastjson.Value{}}
	if keep != nil {
		r.props = slices.DeleteFunc(r.props, func(p store.PropertyColumn) bool { return !keep(p) })
	}
	r.columns = append(r.columns, eventColumns[:]...)
	for _, p := range r.props {
		r.columns = append(r.columns, p.Column)
	}
	return r
}

// list is what to select: the columns, ids as text.
func (r *rowReader) list(d store.Dialect) string {
	return strings.Replace(strings.Join(r.columns, ", "), "id,", d.Cast("id", store.Text)+",", 1)
}

// propertyColumns are all property columns, by key.
func propertyColumns(s *store.Schema) []store.PropertyColumn {
	var out []store.PropertyColumn
	for _, columns := range s.Properties {
		out = append(out, columns...)
	}
	slices.SortFunc(out, func(a, b store.PropertyColumn) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return int(a.Type) - int(b.Type)
	})
	return out
}

// cells takes the values of a row one after the other.
type cells []any

func (c *cells) next() any {
	v := (*c)[0]
	*c = (*c)[1:]
	return v
}

func (c *cells) text() string {
	s, _ := c.next().(string)
	return s
}

// whole is a whole number. Whether one has a sign, such as a count, is the store's affair.
func whole(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case uint64:
		return int64(v)
	}
	return 0
}

func (c *cells) int() int64 {
	return whole(c.next())
}

func (c *cells) number() uint64 {
	return uint64(whole(c.next()))
}

func (c *cells) time() time.Time {
	t, _ := c.next().(time.Time)
	return t
}

// read overwrites e with a row.
func (r *rowReader) read(row []any, e *Event) {
	c := cells(row)
	*e = Event{Flags: e.Flags[:0]}
	e.Position = eventlog.Position(c.number())
	e.ID = c.text()
	if t := c.text(); t != "" {
		e.ID = t
	}
	e.Kind, e.Event = c.text(), c.text()
	e.Timestamp, e.ReceivedAt = c.time(), c.time()
	e.SkewMS = float64(c.int()) / 1000
	e.Flags = appendFlags(e.Flags, event.Flags(c.int()))
	e.Person = strconv.FormatUint(c.number(), 10)
	e.UserID, e.AnonymousID, e.GroupID = c.text(), c.text(), c.text()
	device := c.text()
	e.SessionID = c.text()
	e.Country, e.Region, e.City, e.Browser, e.Protocol = c.text(), c.text(), c.text(), c.text(), c.text()
	traits, overflow, extra := c.text(), c.text(), c.text()
	e.Traits, e.TraitOps = r.traits(traits)
	e.Properties = r.members(row[len(eventColumns):], overflow)
	r.context(&c, extra, device, e)
}

// members is one object of the property columns' values and the members of a JSON object. A key occurs once: of
// several values the last one in the JSON object counts, as in JavaScript, and null counts least.
func (r *rowReader) members(values []any, more string) []byte {
	var o object
	rest := r.parse(more)
	clear(r.last)
	if rest != nil {
		rest.Visit(func(k []byte, v *fastjson.Value) { r.last[string(k)] = v })
	}
	for i, v := range values {
		key := r.props[i].Key
		if v == nil || i > 0 && values[i-1] != nil && r.props[i-1].Key == key {
			continue
		}
		if other := r.last[key]; other != nil {
			if other.Type() != fastjson.TypeNull {
				continue
			}
			delete(r.last, key)
		}
		o.value(key, v)
	}
	if rest != nil {
		rest.Visit(func(k []byte, v *fastjson.Value) {
			if r.last[string(k)] == v {
				o.json(string(k), v)
			}
		})
	}
	return o.close()
}

// parse reads a JSON object; the result lives until the next one.
func (r *rowReader) parse(text string) *fastjson.Object {
	if text == "" {
		return nil
	}
	v, err := r.parser.Parse(text)
	if err != nil {
		return nil
	}
	o, _ := v.Object()
	return o
}

// context takes the columns of the context, and what had no column out of extra, where rows of an older format have the
// ids of the device and the session.
func (r *rowReader) context(c *cells, extra, deviceID string, e *Event) {
	x := r.parse(extra)
	if x == nil {
		x = &fastjson.Object{}
	}
	spare := func(key string) string {
		v := x.Get(key)
		if v == nil {
			return ""
		}
		b, _ := v.StringBytes()
		return string(b)
	}
	e.SessionID, e.PreviousID = cmp.Or(e.SessionID, spare("session_id")), spare("previous_id")
	var out, app, device, system, library, page, campaign, network, screen object
	for _, m := range []struct {
		o   *object
		key string
	}{
		{&app, "name"},
		{&app, "version"},
		{&app, "build"},
		{&app, "namespace"},
		{&device, "manufacturer"},
		{&device, "model"},
		{&device, "type"},
		{&system, "name"},
		{&system, "version"},
		{&library, "name"},
		{&library, "version"},
		{&page, "url"},
		{&page, "path"},
		{&page, "title"},
		{&page, "referrer"},
		{&campaign, "source"},
		{&campaign, "medium"},
		{&campaign, "name"},
		{&network, "carrier"},
	} {
		m.o.text(m.key, c.text())
	}
	if kind := c.text(); kind != "" {
		network.value(kind, true)
	}
	out.text("locale", c.text())
	out.text("timezone", c.text())
	device.text("id", cmp.Or(deviceID, spare("device_id")))
	page.text("search", spare("page_search"))
	campaign.text("term", spare("campaign_term"))
	campaign.text("content", spare("campaign_content"))
	for _, k := range []string{"width", "height", "density"} {
		if v := x.Get("screen_" + k); v != nil {
			screen.json(k, v)
		}
	}
	out.object("app", app)
	out.object("device", device)
	out.object("os", system)
	out.object("library", library)
	out.object("page", page)
	out.object("campaign", campaign)
	out.object("network", network)
	out.object("screen", screen)
	if rest := x.Get("context"); rest != nil && rest.Type() == fastjson.TypeObject {
		rest.GetObject().Visit(func(k []byte, v *fastjson.Value) { out.json(string(k), v) })
	}
	e.Context = out.close()
}
