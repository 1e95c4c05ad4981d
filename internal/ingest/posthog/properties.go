package posthog

import (
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// properties takes the properties apart: what the SDK says of the event, the device and the person has its place; the
// rest are the event's properties, the SDK's further ones among them.
func (d *decoder) properties(v *jsontree.Value) {
	o, err := v.Object()
	if err != nil {
		d.extra.Add("properties", v)
		return
	}
	s := d.sink
	names := s.Members(2)
	if url := o.Get("$current_url"); url != nil {
		s.Page(s.Text(url))
	}
	e := &s.Event
	o.Visit(func(key []byte, v *jsontree.Value) {
		names.NoteKey(key)
		if !d.identity(key, v) && !d.circumstance(key, v) && !d.context(key, v) {
			e.Properties = append(e.Properties, s.Property(key, v))
		}
	})
}

// identity takes who, when and what the event is about.
func (d *decoder) identity(key []byte, v *jsontree.Value) bool {
	s := d.sink
	e := &s.Event
	switch string(key) {
	case "distinct_id":
		return s.Take(&d.inner, v)
	case "token", "api_key":
		// The key is not for those who read the events.
		return s.Text(v) == d.req.Key
	case "$anon_distinct_id":
		return s.Take(&d.anonymous, v)
	case "alias":
		return e.Kind == event.Alias && s.Take(&d.alias, v)
	case "$user_id":
		d.userID = v
	case "$is_identified":
		d.identified = v
	case "$device_id":
		return s.Take(&e.Context.DeviceID, v)
	case "$session_id":
		return s.Take(&e.SessionID, v)
	case "$group_key":
		return e.Kind == event.Group && s.Take(&e.GroupID, v)
	case "$group_type":
		s.Take(&d.groupType, v)
		return false
	case "$groups":
		if o, err := v.Object(); err == nil && o.Len() == 1 {
			o.Visit(func(_ []byte, v *jsontree.Value) { s.Take(&e.GroupID, v) })
		}
		return false
	case "$set", "$set_once", "$unset", "$group_set":
		return d.traits(string(key), v)
	default:
		return false
	}
	return true
}

// circumstance takes the times, and what the SDK asks for.
func (d *decoder) circumstance(key []byte, v *jsontree.Value) bool {
	switch string(key) {
	case "$time":
		d.clock = v
	case "$insert_id":
		d.insertID = v
	case "$screen_name":
		if d.sink.Event.Kind != event.Screen {
			return false
		}
		d.screenName = v
	case "$ignore_sent_at":
		d.ignoreSent = d.ignoreSent || v.GetBool()
		return false
	case "$process_person_profile":
		d.personless = d.personless || isFalse(v)
		return false
	case "$geoip_disable":
		d.server = d.server || v.GetBool()
		return false
	case "$is_server":
		d.server = d.server || v.GetBool()
		return false
	case "name":
		d.named = true
		return false
	default:
		return false
	}
	return true
}

// context takes what has a place in the context; a value of another sort stays a property.
func (d *decoder) context(key []byte, v *jsontree.Value) bool {
	c := &d.sink.Event.Context
	if v.Type() == jsontree.TypeNull && isCampaign(string(key)) {
		return true
	}
	if column, ok := columns[string(key)]; ok {
		return d.sink.Take(column(c), v)
	}
	switch string(key) {
	case "$os", "$os_name":
		return c.OSName == "" && d.sink.Take(&c.OSName, v)
	case "$screen_width":
		return takeSize(&c.ScreenWidth, v)
	case "$screen_height":
		return takeSize(&c.ScreenHeight, v)
	case "$screen_density":
		f, err := v.Float64()
		if err == nil {
			c.ScreenDensity = f
		}
		return err == nil
	case "$network_wifi", "$network_cellular", "$network_bluetooth":
		if v.GetBool() && c.NetworkType == "" {
			c.NetworkType = string(key[len("$network_"):])
		}
		return v.Type() == jsontree.TypeTrue || v.Type() == jsontree.TypeFalse
	}
	return false
}

func takeSize(dst *int32, v *jsontree.Value) bool {
	n, err := v.Int()
	if err != nil || n < 0 || n > 1<<20 {
		return false
	}
	*dst = int32(n)
	return true
}
