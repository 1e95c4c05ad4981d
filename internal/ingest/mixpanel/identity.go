package mixpanel

import (
	"strings"

	"github.com/freshet/freshet/internal/event"
)

// devicePrefix begins the distinct id of somebody who has not been identified.
const devicePrefix = "$device:"

// who tells the user from the device. SDKs of today give both; older ones, and servers, give a distinct id only, which is
// a user's unless it is that of the device.
func (f *fields) who() {
	e := &f.sink.Event
	user, device := f.user, strings.TrimPrefix(f.device, devicePrefix)
	switch anonymous, ok := strings.CutPrefix(f.distinct, devicePrefix); {
	case ok:
		if device == "" {
			device = anonymous
		} else if device != anonymous {
			f.keep("distinct_id", anonymous)
		}
	case user == "" && f.distinct != device:
		user = f.distinct
	case f.distinct != "" && f.distinct != user && f.distinct != device:
		f.keep("distinct_id", f.distinct)
	}
	e.UserID, e.AnonymousID, e.Context.DeviceID = user, device, device
	e.Links = user != "" && device != ""
}

// identify joins the device. An id before that is no device's belongs to another user, whom the vendor does not join
// either, unless there is no device: then it is how SDKs of the first years called somebody unknown.
func (f *fields) identify() {
	e := &f.sink.Event
	before, ok := strings.CutPrefix(f.before, devicePrefix)
	switch {
	case before == "" || before == e.AnonymousID:
	case ok:
		e.AnonymousID, e.Context.DeviceID, e.Links = before, before, e.UserID != ""
	case e.AnonymousID == "":
		e.Kind, e.Name = event.Alias, event.NameAlias
		f.alias(e.UserID, before)
	default:
		f.keep(f.beforeKey, before)
	}
}

// alias says that what was known by one id is the user of the other.
func (f *fields) alias(user, before string) {
	e := &f.sink.Event
	if user == "" || before == "" {
		return
	}
	device, ok := strings.CutPrefix(before, devicePrefix)
	e.UserID, e.PreviousID, e.Links = user, device, false
	if ok || device == strings.TrimPrefix(f.device, devicePrefix) {
		e.AnonymousID = device
	}
}

// merge joins two ids, of which one is a user's.
func (f *fields) merge() {
	if f.ids == nil {
		return
	}
	ids, _ := f.ids.Array()
	if len(ids) != 2 {
		f.sink.Fail("bad_merge", "$distinct_ids has to be a list of two ids")
		return
	}
	user, before := f.sink.Text(ids[0]), f.sink.Text(ids[1])
	if strings.HasPrefix(user, devicePrefix) {
		user, before = before, user
	}
	if user == "" || before == "" || strings.HasPrefix(user, devicePrefix) {
		f.sink.Fail("bad_merge", "one of $distinct_ids has to be a user's")
		return
	}
	f.alias(user, before)
}

// keep makes an id a property that has found no place.
func (f *fields) keep(key, text string) {
	e := &f.sink.Event
	e.Properties = append(e.Properties, event.Property{Key: key, Type: event.String, Str: text})
}
