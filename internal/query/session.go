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

// pauseOf is the microseconds since the event of the device before in an order by time, NULL if it is the first.
func pauseOf(d store.Dialect, order string) string {
	return spanOf(d, "time", d.Before("time", "PARTITION BY device ORDER BY "+order))
}

// sessions reduces events to the sessions that a matching event of the range belongs to, by the bucket in which they
// began. A session that began before the range is in none of its buckets. To tell, the events of one pause before
// the range are read, and of ids all there are.
func (p *plan) sessions(s *statement) {
	for _, c := range []string{"time", "device", "session", "event", "library"} {
		p.column(c)
	}
	t := p.sessionTimes()
	groups, matches := p.selected(), p.matches()
	b := p.line.buckets
	gap := p.scope.SessionGap.Microseconds()
	s.cte("e", "SELECT time, device, session, coalesce("+t.within+matches+", FALSE) AS hit"+t.read+groups+p.carry+" FROM "+p.sourceOf(t.pieces)+" WHERE "+bearing())
	s.cte("known", "SELECT session AS known, min(time) AS began FROM "+p.cut.Events("session", "time", "device", "event", "library")+
		" WHERE session IN (SELECT session FROM e WHERE session <> 0) AND "+bearing()+
		fmt.Sprintf(" GROUP BY session HAVING min(device) = max(device) AND %s <= %d", spanOf(p.dialect, "max(time)", "min(time)"), maxSessionHours*int64(3600e6)))
	names := p.names() + p.carry
	s.inline("loose", "SELECT time, device, hit"+t.read+names+" FROM e LEFT JOIN known ON session = known WHERE known IS NULL")
	s.cte("starts", fmt.Sprintf("SELECT device AS id, time AS began%s FROM (SELECT device, time%s,"+
		" %s AS pause FROM loose) WHERE pause IS NULL OR pause > %d", t.opened, t.read, pauseOf(p.dialect, t.order), gap))
	chained := "SELECT 'd' AS sort, id, began, hit" + t.kept + names + " FROM (SELECT * FROM loose WHERE hit) ASOF JOIN starts ON device = id AND time >= began"
	if matches == "TRUE" && names == "" {
		chained = "SELECT 'd' AS sort, id, began, TRUE AS hit" + t.kept + " FROM starts"
	}
	s.inline("chained", chained)
	s.inline("named", "SELECT 's' AS sort, session AS id, began, hit"+t.kept+names+" FROM e JOIN known ON session = known"+t.first)
	s.cte("c", "SELECT DISTINCT "+p.line.bucketOf(t.stands)+" AS b"+names+", (sort, id, began) AS thing"+
		" FROM (SELECT * FROM chained UNION ALL SELECT * FROM named) WHERE hit AND "+t.stands+" >= "+p.dialect.Moment(b.from().UnixMicro())+
		" AND "+t.stands+" < "+p.dialect.Moment(b.to().UnixMicro()))
}

// sessionTimes is how the sessions of a series come to stand on its line.
type sessionTimes struct {
	pieces []piece
	// stands is the column of where a session stands.
	stands string
	// The rest is for the clocks of devices only, each with a comma in front: read are the columns of events that are needed
	// besides, opened makes the session's of those of its first event, kept is that. first joins it to sessions with an id; of one
	// whose first event is not read nothing counts, because it began before the range.
	read, opened, kept, first string
	// within is a condition on events to count, with what joins it to others behind it.
	within string
	// order is that of a device's events.
	order string
}

func (p *plan) sessionTimes() sessionTimes {
	from, to := p.line.buckets.from().Add(-p.scope.SessionGap), p.line.buckets.to()
	d := p.line.clocks
	if d == nil {
		return sessionTimes{pieces: p.line.pieces(from, to, true), stands: "began", order: "time"}
	}
	p.column("seq")
	p.clock()
	return sessionTimes{
		pieces: []piece{p.line.timed(d.before(from), d.after(to))}, stands: "stands", order: "time, seq",
		within: "clock < " + p.dialect.Moment(to.UnixMicro()) + " AND ", read: ", clock, seq", opened: ", clock AS stands", kept: ", stands",
		first: " JOIN (SELECT session AS opened, min(time) AS since, " + p.dialect.ArgMin("clock", "(time, seq)", "") + " AS stands FROM e WHERE session <> 0 GROUP BY session)" +
			" ON opened = session AND since = began",
	}
}
