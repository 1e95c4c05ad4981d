package e2e_test

import (
	"encoding/json"
	"fmt"
)

// question asks about the last day, for which the scene is new.
func (s *server) question(q map[string]any, out any) {
	s.t.Helper()
	q["range"] = map[string]string{"from": "-1d", "to": "now"}
	body, err := json.Marshal(q)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ask("POST", "/v1/query", body, out)
}

// trend asks for numbers and returns the totals by the value of the breakdown.
func (s *server) trend(series, by map[string]any) map[string]float64 {
	s.t.Helper()
	series["id"] = "A"
	q := map[string]any{"kind": "trends", "interval": "day", "series": []any{series}}
	if by != nil {
		q["breakdown"] = []any{by}
	}
	var a answer
	s.question(q, &a)
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
