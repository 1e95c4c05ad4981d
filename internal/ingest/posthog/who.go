package posthog

import (
	"strings"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/jsontree"
)

// PostHog has one sort of id, the distinct id, which is an anonymous one until the person is identified. Freshet keeps
// the two apart, so that a shared phone does not make two users one; which of them it is, an event says in several ways.

// clients are the libraries of apps and pages, which make up a UUID for who is not identified. servers are those of
// backends, which know their users and send for somebody elsewhere.
var (
	clients = map[string]bool{
		"web": true, "js": true, "posthog-js-lite": true, "posthog-ios": true, "posthog-android": true, "posthog-react-native": true,
		"posthog-flutter": true, "posthog-kmp": true, "posthog-unity": true,
	}
	servers = map[string]bool{
		"posthog-node": true, "posthog-python": true, "posthog-go": true, "posthog-php": true, "posthog-ruby": true,
		"posthog-java": true, "posthog-server": true, "posthog-dotnet": true, "posthog-elixir": true, "posthog-rs": true,
	}
	// fresh are the libraries that stamp sent_at anew at each try.
	fresh = map[string]bool{"web": true}
)

// who fills the ids.
func (d *decoder) who() {
	e := &d.sink.Event
	user := d.isUser()
	switch {
	case e.Kind == event.Alias && user, e.Kind == event.Alias && d.alias == "":
		e.UserID, e.PreviousID = d.distinct, d.alias
	case e.Kind == event.Alias:
		// An app that is not identified gives its user's id as the alias.
		e.UserID, e.PreviousID, e.AnonymousID = d.alias, d.distinct, d.distinct
	case e.Kind == event.Group && d.distinct == "$"+d.groupType+"_"+e.GroupID:
		// Backends give a group's own id where a person's should be.
		d.extra.AddText("distinct_id", d.distinct)
	case user || d.anonymous != "":
		e.UserID = d.distinct
		if d.anonymous != d.distinct {
			e.AnonymousID = d.anonymous
		}
	default:
		e.AnonymousID = d.distinct
	}
	if d.userID != nil && d.sink.Text(d.userID) != d.distinct {
		e.Properties = append(e.Properties, d.sink.Property([]byte("$user_id"), d.userID))
	}
}

// isUser tells whether the distinct id is a user's.
func (d *decoder) isUser() bool {
	c := &d.sink.Event.Context
	switch {
	case d.identified != nil:
		return d.identified.Type() == jsontree.TypeTrue
	case d.userID != nil && d.sink.Text(d.userID) != "":
		return true
	case d.personless, d.distinct == c.DeviceID:
		return false
	case clients[c.LibraryName]:
		return !isUUID(d.distinct)
	}
	return true
}

func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	_, ok := event.KeyOf(strings.ToLower(id))
	return ok
}
