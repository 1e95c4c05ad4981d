package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
)

// sceneEvents are what happens in the scene that every SDK's script plays; test/sdk/README.md tells it.
var sceneEvents = []string{"App Opened", "Signed Up", "Product Viewed", "Purchased"}

// scripts play the scene.
var scripts = []script{
	{folder: "segment"},
	{folder: "rudderstack"},
	{folder: "snowplow"},
	{folder: "snowplow", env: []string{"METHOD=get", "BASE64=no"}},
	{folder: "countly"},
	{folder: "umami"},
	{folder: "aptabase"},
	{folder: "otlp"},
	{folder: "otlp", env: []string{"ENCODING=protobuf"}},
	{folder: "cloudevents"},
	{folder: "posthog"},
	{folder: "posthog", env: []string{"POSTHOG_CAPTURE_MODE=v1"}},
	{folder: "posthog-go"},
	{folder: "posthog-js"},
	{folder: "amplitude"},
	{folder: "mixpanel"},
	{folder: "browser", env: []string{"SDK=amplitude"}},
	{folder: "browser", env: []string{"SDK=mixpanel"}},
	{folder: "browser", env: []string{"SDK=segment"}},
	{folder: "segment-go"},
}

// TestScene plays the same scene with every SDK, each on a server of its own, and asks each the same questions: one
// person on two devices, who signed up and bought.
func TestScene(t *testing.T) {
	t.Parallel()
	for _, sc := range scripts {
		t.Run(fmt.Sprint(sc.folder, sc.env), func(t *testing.T) {
			s := start(t)
			sc.args = []string{"scene"}
			s.play(t, "http://"+s.addr, sc, 0)
			s.waitIdle()
			each := map[string]float64{}
			for _, name := range sceneEvents {
				each[name] = 1
			}
			for _, c := range []struct {
				name   string
				series map[string]any
				by     map[string]any
				want   map[string]float64
			}{
				{"events", map[string]any{"aggregate": "total", "events": sceneEvents}, map[string]any{"property": "$event"}, each},
				{"people by event", map[string]any{"aggregate": "unique", "events": sceneEvents}, map[string]any{"property": "$event"}, each},
				{"people", map[string]any{"aggregate": "unique", "events": sceneEvents}, nil, map[string]float64{"": 1}},
				{"revenue", map[string]any{"aggregate": "sum", "property": "amount", "events": []string{"Purchased"}}, nil, map[string]float64{"": 42.5}},
				{
					"people by plan",
					map[string]any{"aggregate": "unique", "events": sceneEvents},
					map[string]any{"property": "plan", "of": "person"},
					map[string]float64{"pro": 1},
				},
			} {
				if got := s.trend(c.series, c.by); !maps.Equal(got, c.want) {
					t.Errorf("%s: %v, want %v", c.name, got, c.want)
				}
			}
			if c := s.ledger(); c.Dead != 0 || c.Duplicate != 0 {
				t.Errorf("ledger: %+v", c)
			}
			if t.Failed() {
				for _, e := range s.export("") {
					t.Logf("%+v", e)
				}
			}
		})
	}
}

// trend asks a question about the last and the next day and returns the totals by the value of the breakdown.
func (s *server) trend(series, by map[string]any) map[string]float64 {
	s.t.Helper()
	series["id"] = "A"
	q := map[string]any{
		"kind": "trends", "range": map[string]string{"from": "-1d", "to": "now"}, "interval": "day", "series": []any{series},
	}
	if by != nil {
		q["breakdown"] = []any{by}
	}
	body, err := json.Marshal(q)
	if err != nil {
		s.t.Fatal(err)
	}
	var a answer
	s.ask("POST", "/v1/query", body, &a)
	out := map[string]float64{}
	for _, series := range a.Series {
		key := ""
		if len(series.Breakdown) > 0 {
			key = fmt.Sprint(series.Breakdown[0])
		}
		if series.Total != nil {
			out[key] = *series.Total
		}
	}
	return out
}
