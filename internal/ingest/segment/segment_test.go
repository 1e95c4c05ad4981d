package segment_test

import (
	"testing"

	"github.com/freshet/freshet/internal/ingest/ingesttest"
	"github.com/freshet/freshet/internal/ingest/segment"
)

func TestCaptures(t *testing.T) { ingesttest.Captures(t, segment.Protocol{}) }
