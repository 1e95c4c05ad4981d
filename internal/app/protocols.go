package app

import (
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/amplitude"
	"github.com/freshet/freshet/internal/ingest/aptabase"
	"github.com/freshet/freshet/internal/ingest/cloudevents"
	"github.com/freshet/freshet/internal/ingest/countly"
	"github.com/freshet/freshet/internal/ingest/ga4"
	"github.com/freshet/freshet/internal/ingest/mixpanel"
	"github.com/freshet/freshet/internal/ingest/native"
	"github.com/freshet/freshet/internal/ingest/otlp"
	"github.com/freshet/freshet/internal/ingest/posthog"
	"github.com/freshet/freshet/internal/ingest/rudderstack"
	"github.com/freshet/freshet/internal/ingest/segment"
	"github.com/freshet/freshet/internal/ingest/snowplow"
	"github.com/freshet/freshet/internal/ingest/umami"
)

// protocols are the wire formats of events, in the order in which those that share a path are asked whether a request is
// theirs. contract_test.go has the answers of each.
func protocols() []ingest.Protocol {
	return []ingest.Protocol{
		rudderstack.Protocol{},
		segment.Protocol{},
		native.Protocol{},
		posthog.Protocol{},
		amplitude.Protocol{},
		mixpanel.Protocol{},
		snowplow.Protocol{},
		countly.Protocol{},
		umami.Protocol{},
		aptabase.Protocol{},
		ga4.Protocol{},
		otlp.Protocol{},
		cloudevents.Protocol{},
	}
}
