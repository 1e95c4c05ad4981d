package query

import (
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// Sessions are worked out from the events, so that late events and another pause apply to all of history.
//
// Some events do not bear a session, because they happen without the person: those named by silentEvents, and all
// that a library for servers has sent. The others are put together in one of two ways. Events with a session id of
// the client belong together if the id is sane: it occurs on one device only, and its first and last event, in all
// of history, are at most 24 hours apart. All other events of a device form a session as long as no two neighbours
// are further apart than the project's pause. A session counts where it begins; it is not cut at midnight.

// silentEvents are events that reach an app which nobody uses.
func silentEvents() []string {
	return []string{
		"push_received", "Push Notification Received", "Push Notification Bounced", "notification_received",
		"background_fetch", "heartbeat", "$heartbeat",
		"install_attributed", "Install Attributed", "install_referrer", "Application Installed Referrer",
	}
}

// leavingEvents tell that the app went into the background.
func leavingEvents() []string {
	return []string{
		"Application Backgrounded", "[Amplitude] Application Backgrounded", "application_background", "app_background", "$ae_session",
	}
}

// leaving is the condition on an event to be one of those.
func leaving() string { return "event IN " + quotedTexts(leavingEvents()) }

// quotedTexts is a list of texts, all of them this file's own.
func quotedTexts(list []string) string { return "('" + strings.Join(list, "', '") + "')" }

// serverLibraries are SDKs that speak for a server, not for a device.
func serverLibraries() []string {
	return []string{
		"analytics-node", "@segment/analytics-node", "analytics-python", "analytics-ruby", "analytics-go", "analytics-java",
		"analytics-php", "Analytics.NET", "analytics-csharp", "analytics-rust",
		"rudder-sdk-node", "rudder-sdk-python", "rudder-sdk-go", "rudder-sdk-java", "posthog-node", "posthog-python",
	}
}

// bearing is the condition on an event to bear a session. The lists are this file's own.
func bearing() string {
	return "event NOT IN " + quotedTexts(silentEvents()) + " AND (library IS NULL OR library NOT IN " + quotedTexts(serverLibraries()) + ")"
}

const maxSessionHours = 24

// spanOf is the microseconds between two times.
func spanOf(d store.Dialect, last, first string) string {
	return d.Micros(last) + " - " + d.Micros(first)
}

// pauseOf is the microseconds since the event of the device before, NULL if it is the first.
func pauseOf(d store.Dialect) string {
	return spanOf(d, "time", d.Before("time", "PARTITION BY device ORDER BY time"))
}

// sessions reduces events to the sessions that a matching event of the range belongs to, by the bucket in which they
// began. A session that began before the range is in none of its buckets. To tell, the events of one pause before
// the range are read, and of ids all there are.
func (p *plan) sessions(s *statement) {
	for _, c := range []string{"time", "device", "session", "event", "library"} {
		p.column(c)
	}
	groups, matches := p.selected(), p.matches()
	b := p.line.buckets
	gap := p.scope.SessionGap.Microseconds()
	pieces := p.line.pieces(b.from().Add(-p.scope.SessionGap), b.to(), true)
	s.cte("e", "SELECT time, device, session, coalesce("+matches+", FALSE) AS hit"+groups+p.carry+" FROM "+p.sourceOf(pieces)+" WHERE "+bearing())
	s.cte("known", "SELECT session AS known, min(time) AS began FROM "+p.cut.Events("session", "time", "device", "event", "library")+
		" WHERE session IN (SELECT session FROM e WHERE session <> 0) AND "+bearing()+
		fmt.Sprintf(" GROUP BY session HAVING min(device) = max(device) AND %s <= %d", spanOf(p.dialect, "max(time)", "min(time)"), maxSessionHours*int64(3600e6)))
	names := p.names() + p.carry
	s.inline("loose", "SELECT time, device, hit"+names+" FROM e LEFT JOIN known ON session = known WHERE known IS NULL")
	s.cte("starts", fmt.Sprintf("SELECT device AS id, time AS began FROM (SELECT device, time,"+
		" %s AS pause FROM loose) WHERE pause IS NULL OR pause > %d", pauseOf(p.dialect), gap))
	chained := "SELECT 'd' AS sort, id, began, hit" + names + " FROM (SELECT * FROM loose WHERE hit) ASOF JOIN starts ON device = id AND time >= began"
	if matches == "TRUE" && names == "" {
		chained = "SELECT 'd' AS sort, id, began, TRUE AS hit FROM starts"
	}
	s.inline("chained", chained)
	s.inline("named", "SELECT 's' AS sort, session AS id, began, hit"+names+" FROM e JOIN known ON session = known")
	s.cte("c", "SELECT DISTINCT "+p.line.bucketOf("began")+" AS b"+names+", (sort, id, began) AS thing"+
		" FROM (SELECT * FROM chained UNION ALL SELECT * FROM named) WHERE hit AND began >= "+p.dialect.Moment(b.from().UnixMicro())+
		" AND began < "+p.dialect.Moment(b.to().UnixMicro()))
}
