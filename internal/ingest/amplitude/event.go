package amplitude

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/jsontree"
)

// Types of events that have a kind of their own.
const (
	typeIdentify      = "$identify"
	typeGroupIdentify = "$groupidentify"
	typePage          = "[Amplitude] Page Viewed"
	typeScreen        = "[Amplitude] Screen Viewed"
)

// outOfSession is the session of events that happen without the person.
const outOfSession = "-1"

// fresh lists the libraries that stamp client_upload_time anew at each try, so that their clocks can be told from it.
var fresh = map[string]bool{"amplitude-node-ts": true, "amplitude-ts": true, "amplitude-ts-sdk-script": true}

type decoder struct {
	request *ingest.Request
	sink    *ingest.Sink
	sentAt  int64
}

func (d *decoder) event(v *jsontree.Value) {
	s := d.sink
	o, err := v.Object()
	if err != nil {
		s.Dead("not_object", "the event is no JSON object", ingest.AppendJSON(nil, v))
		return
	}
	f := fields{sink: s, extra: s.Extra()}
	s.Event.SentAt = d.sentAt
	o.Visit(f.set)
	f.finish()
	e := &s.Event
	switch {
	case f.insert != "":
		device := e.AnonymousID
		if device == "" {
			device = e.UserID
		}
		e.ID = ingest.ScopedID(f.insert, device)
	case e.OriginalTime != 0:
		e.ID = ingest.ContentID(v)
	default:
		e.ID = d.request.MomentID(v, s)
	}
	if !f.here {
		s.Elsewhere()
	}
	s.Accept(v)
}

// fields gathers the members of an event that need others to be understood.
type fields struct {
	sink   *ingest.Sink
	extra  ingest.Extra
	insert string
	// here tells that the address of the request is the person's.
	here                       bool
	user, group, groups        *jsontree.Value
	groupType, groupValue      *jsontree.Value
	time                       *jsontree.Value
	price, quantity, revenue   *jsontree.Value
	product, currency, revKind *jsontree.Value
}

func (f *fields) set(key []byte, v *jsontree.Value) {
	f.sink.Member(key)
	if !f.identity(string(key), v) && !f.place(string(key), v) && !f.purchase(string(key), v) {
		f.extra.Add(string(key), v)
	}
}

// identity reads what happened, when and to whom.
func (f *fields) identity(key string, v *jsontree.Value) bool {
	s := f.sink
	e := &s.Event
	switch key {
	case "event_type":
		e.Name = s.Text(v)
	case "user_id":
		e.UserID = s.Text(v)
	case "device_id":
		e.AnonymousID = s.Text(v)
		e.Context.DeviceID = e.AnonymousID
	case "session_id":
		e.SessionID = s.Text(v)
	case "time":
		f.time = v
	case "insert_id":
		f.insert = s.Text(v)
	case "event_properties":
		e.Properties = s.Properties(e.Properties, v)
	case "user_properties":
		f.user = v
	case "group_properties":
		f.group = v
	case "groups":
		f.groups = v
	case "group_type":
		f.groupType = v
	case "group_value":
		f.groupValue = v
	default:
		return false
	}
	return true
}

// place reads what goes into columns of the context.
func (f *fields) place(key string, v *jsontree.Value) bool {
	c := &f.sink.Event.Context
	var column *string
	switch key {
	case "app_version", "version_name":
		column = &c.AppVersion
	case "device_manufacturer":
		column = &c.DeviceManufacturer
	case "device_model":
		column = &c.DeviceModel
	case "device_type":
		column = &c.DeviceType
	case "os_name":
		column = &c.OSName
	case "os_version":
		column = &c.OSVersion
	case "carrier":
		column = &c.Carrier
	case "language":
		column = &c.Locale
	case "user_agent":
		column = &c.UserAgent
	case "ip":
		if f.here = f.sink.Text(v) == "$remote"; f.here {
			return true
		}
		column = &c.IP
	case "library":
		f.library(v)
		return true
	default:
		return false
	}
	if text := f.sink.Text(v); text != "" {
		*column = text
	}
	return true
}

// library is "name/version", and was an object once.
func (f *fields) library(v *jsontree.Value) {
	c := &f.sink.Event.Context
	if v.Type() == jsontree.TypeObject {
		for name, column := range map[string]*string{"name": &c.LibraryName, "version": &c.LibraryVersion} {
			if m := v.Get(name); m != nil {
				*column = f.sink.Text(m)
			}
		}
		return
	}
	c.LibraryName = f.sink.Text(v)
	if at := strings.LastIndexByte(c.LibraryName, '/'); at > 0 {
		c.LibraryName, c.LibraryVersion = c.LibraryName[:at], c.LibraryName[at+1:]
	}
}

// purchase reads the members that are properties although they stand beside them.
func (f *fields) purchase(key string, v *jsontree.Value) bool {
	switch key {
	case "price":
		f.price = v
	case "quantity":
		f.quantity = v
	case "revenue":
		f.revenue = v
	case "productId":
		f.product = v
	case "revenueType":
		f.revKind = v
	case "currency":
		f.currency = v
	default:
		return false
	}
	return true
}

func (f *fields) finish() {
	s := f.sink
	e := &s.Event
	e.Kind, e.Name = kind(e.Name)
	e.Links = e.UserID != "" && e.AnonymousID != ""
	e.SentFresh = e.SentAt != 0 && fresh[e.Context.LibraryName]
	e.SessionID = session(e)
	f.lift()
	f.property("price", f.price)
	f.property("quantity", f.quantity)
	f.property("revenue", f.revenue)
	f.property("productId", f.product)
	f.property("revenueType", f.revKind)
	f.property("currency", f.currency)
	if f.time != nil {
		var ok bool
		if e.OriginalTime, ok = ingest.Time(f.time); !ok {
			f.property("$original_timestamp", f.time)
		}
	}
	f.changes()
	f.member()
	e.Context.Extra = f.extra.String()
}

// kind is the kind of a type, and the name that goes with it.
func kind(of string) (event.Kind, string) {
	switch of {
	case typeIdentify:
		return event.Identify, event.NameIdentify
	case typeGroupIdentify:
		return event.Group, event.NameGroup
	case typePage:
		return event.Page, event.NamePage
	case typeScreen:
		return event.Screen, event.NameScreen
	default:
		return event.Track, of
	}
}

// session is the time at which a session began, which is its own only together with the device, or -1 outside of one.
func session(e *event.Event) string {
	if e.SessionID == outOfSession || e.SessionID == "" || e.AnonymousID == "" {
		return strings.TrimPrefix(e.SessionID, outOfSession)
	}
	return e.SessionID + "." + e.AnonymousID
}

// property adds a property; one that the app has given itself stays, and this one goes to the context.
func (f *fields) property(key string, v *jsontree.Value) {
	if v == nil || v.Type() == jsontree.TypeNull {
		return
	}
	if f.has(key) {
		f.extra.Add(key, v)
		return
	}
	e := &f.sink.Event
	e.Properties = append(e.Properties, f.sink.Property([]byte(key), v))
}

func (f *fields) has(property string) bool {
	return slices.ContainsFunc(f.sink.Event.Properties, func(p event.Property) bool { return p.Key == property })
}
