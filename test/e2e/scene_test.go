//go:build sdk

package e2e_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// sceneEvents are what happens in the scene that every SDK's script plays; test/sdk/README.md tells it.
var sceneEvents = []string{"App Opened", "Signed Up", "Product Viewed", "Purchased"}

// scripts play the scene.
var scripts = []script{
	{folder: "segment"},
	{folder: "segment-go"},
	{folder: "browser", env: []string{"SDK=segment"}},
	{folder: "rudderstack"},
	{folder: "posthog"},
	{folder: "posthog", env: []string{"POSTHOG_CAPTURE_MODE=v1"}},
	{folder: "posthog-go"},
	{folder: "posthog-js"},
	{folder: "amplitude"},
	{folder: "mixpanel"},
	{folder: "mixpanel-go"},
	{folder: "browser", env: []string{"SDK=amplitude"}},
	{folder: "browser", env: []string{"SDK=mixpanel"}},
	{folder: "snowplow"},
	{folder: "snowplow", env: []string{"METHOD=get", "BASE64=no"}},
	{folder: "countly"},
	{folder: "umami"},
	{folder: "aptabase"},
	{folder: "otlp"},
	{folder: "otlp", env: []string{"ENCODING=protobuf"}},
	{folder: "cloudevents"},
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
			if got := s.sceneFunnel(); got != "1 1 1 1" {
				t.Errorf("funnel: %s of 1 person reached the steps", got)
			}
			if size, came := s.sceneRetention(); size != 1 || came != 1 {
				t.Errorf("retention: %d of %d came back", came, size)
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

// sceneFunnel asks how far people come through the scene, and returns the number of those at each step.
func (s *server) sceneFunnel() string {
	s.t.Helper()
	var steps []any
	for _, name := range sceneEvents {
		steps = append(steps, map[string]any{"events": []string{name}})
	}
	var a struct {
		Groups []struct{ Steps []struct{ Count int } }
	}
	s.question(map[string]any{"kind": "funnel", "steps": steps, "window": "1d"}, &a)
	if len(a.Groups) != 1 {
		s.t.Fatalf("a funnel of %d groups", len(a.Groups))
	}
	var counts []string
	for _, step := range a.Groups[0].Steps {
		counts = append(counts, fmt.Sprint(step.Count))
	}
	return strings.Join(counts, " ")
}

// sceneRetention asks who signed up, and who of them bought, be it after midnight.
func (s *server) sceneRetention() (size, came int) {
	s.t.Helper()
	var a struct {
		Tables []struct {
			Cohorts []struct {
				Size  int
				Cells []struct{ Count *int }
			}
		}
	}
	s.question(map[string]any{
		"kind": "retention", "periods": 1, "zero": "returned",
		"start": map[string]any{"events": []string{"Signed Up"}}, "return": map[string]any{"events": []string{"Purchased"}},
	}, &a)
	for _, table := range a.Tables {
		for _, cohort := range table.Cohorts {
			size += cohort.Size
			for _, cell := range cohort.Cells {
				if cell.Count != nil {
					came += *cell.Count
				}
			}
		}
	}
	return size, came
}
