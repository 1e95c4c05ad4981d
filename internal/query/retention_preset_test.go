package query_test

import (
	"testing"

	"github.com/freshet/freshet/internal/query"
)

// TestRetentionAttributionOfPresets: somebody starts in one country and comes back in another. To PostHog the two must agree,
// but whoever came for the first time stays where that was.
func TestRetentionAttributionOfPresets(t *testing.T) {
	tape := tape{zone: "UTC", interval: "day", from: "2026-06-01", to: "2026-06-02", events: []string{">2026-06-01 12:00", "<2026-06-03 12:00"}}
	h := tape.history(t)
	h.events[0].Derived.Country, h.events[1].Derived.Country = "DE", "FR"
	e, scope := h.engine(t, afterTapes)
	for _, c := range []struct{ preset, cohort, own, attribution, offsets string }{
		{"posthog", "", "", "both", "0:0"},
		{"posthog", "recurring", "", "both", "0:0"},
		{"posthog", "first_time", "", "start", "0:02"},
		{"posthog", "first_time", "both", "both", "0:0"},
		{"posthog", "recurring", "start", "start", "0:02"},
		{"mixpanel", "", "", "start", "0:012"},
		{"amplitude", "", "", "start", "0:012"},
		{"", "", "", "start", "0:02"},
	} {
		q := tape.question()
		q.Preset, q.Cohort, q.Attribution = c.preset, c.cohort, c.own
		q.Breakdown = []query.Breakdown{{PropertyRef: query.PropertyRef{Property: "$country"}}}
		a := askRetention(t, e, scope, q)
		if got := offsets(a); got != c.offsets || a.Question.Attribution != c.attribution || a.Tables[0].Breakdown[0] != "DE" {
			t.Errorf("%+v: %s by %s\n%s", c, got, a.Question.Attribution, asJSON(a.Tables))
		}
	}
}
