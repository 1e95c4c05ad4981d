package otlp

import (
	"strconv"

	"github.com/freshet/freshet/internal/event"
)

// ids are what names the person and the device. Conventions have two names for each of them.
type ids struct{ user, enduser, pseudo, installation, device string }

// assign names the event's person and device: a user by user.id or enduser.id, somebody unknown by enduser.pseudo.id or
// the installation, a device by its own id or the installation.
func (i *ids) assign(e *event.Event) {
	e.UserID = or(i.user, i.enduser)
	e.AnonymousID = or(i.pseudo, i.installation)
	e.Context.DeviceID = or(i.device, i.installation)
}

// unused gives what assign had no use for.
func (i *ids) unused(keep func(event.Property)) {
	if i.user != "" && i.enduser != "" && i.user != i.enduser {
		keep(text("enduser.id", i.enduser))
	}
	if i.installation != "" && i.pseudo != "" && i.device != "" {
		keep(text("app.installation.id", i.installation))
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// lift puts an attribute that the conventions of OpenTelemetry give a meaning into its place in the event. It is false
// when there is none, or when the value is none for it.
func lift(e *event.Event, i *ids, p *event.Property) bool {
	dst := liftIdentity(e, i, p.Key)
	if dst == nil {
		dst = liftContext(&e.Context, p.Key)
	}
	if p.Key == "network.connection.type" {
		return liftNetwork(&e.Context, p)
	}
	if dst == nil || *dst != "" && (p.Key == "event.id" || p.Key == "log.record.uid") {
		return false
	}
	switch {
	case p.Type == event.String || p.Type == event.JSON && isNumber(p.Str):
		*dst = p.Str
	case p.Type == event.Number:
		*dst = strconv.FormatFloat(p.Num, 'f', -1, 64)
	default:
		return false
	}
	return true
}

// isNumber tells the text of a large number from that of an array or an object.
func isNumber(json string) bool { return json != "" && json[0] != '[' && json[0] != '{' }

func liftIdentity(e *event.Event, i *ids, key string) *string {
	switch key {
	case "user.id":
		return &i.user
	case "enduser.id":
		return &i.enduser
	case "enduser.pseudo.id":
		return &i.pseudo
	case "app.installation.id":
		return &i.installation
	case "device.id":
		return &i.device
	case "user.previous_id":
		return &e.PreviousID
	case "group.id":
		return &e.GroupID
	case "session.id":
		return &e.SessionID
	case "event.id", "log.record.uid":
		return &e.ID
	}
	return nil
}

func liftContext(c *event.Context, key string) *string {
	switch key {
	case "service.name":
		return &c.AppName
	case "service.version":
		return &c.AppVersion
	case "app.build_id":
		return &c.AppBuild
	case "device.manufacturer":
		return &c.DeviceManufacturer
	case "device.model.identifier":
		return &c.DeviceModel
	case "os.name":
		return &c.OSName
	case "os.version":
		return &c.OSVersion
	case "network.carrier.name":
		return &c.Carrier
	case "telemetry.sdk.name":
		return &c.LibraryName
	case "telemetry.sdk.version":
		return &c.LibraryVersion
	case "browser.language":
		return &c.Locale
	case "user_agent.original":
		return &c.UserAgent
	case "url.full":
		return &c.PageURL
	case "url.path":
		return &c.PagePath
	case "url.query":
		return &c.PageSearch
	case "client.address":
		return &c.IP
	}
	return nil
}

// liftNetwork takes the sorts of networks that a context has a word for.
func liftNetwork(c *event.Context, p *event.Property) bool {
	switch {
	case p.Type == event.String && p.Str == "wifi":
		c.NetworkType = "wifi"
	case p.Type == event.String && p.Str == "cell":
		c.NetworkType = "cellular"
	default:
		return false
	}
	return true
}
