package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what of the answers is held against the peers' rows.
type answer struct {
	Series []struct {
		Breakdown []string   `json:"breakdown"`
		Values    []*float64 `json:"values"`
		Total     float64    `json:"total"`
	} `json:"series"`
	Question struct {
		Series []struct {
			Aggregate string `json:"aggregate"`
		} `json:"series"`
	} `json:"question"`
	Groups []struct {
		Breakdown []string `json:"breakdown"`
		Steps     []struct {
			Count int64 `json:"count"`
		} `json:"steps"`
	} `json:"groups"`
	Tables []struct {
		Cohorts []struct {
			Cells []struct {
				Count *int64 `json:"count"`
			} `json:"cells"`
		} `json:"cohorts"`
	} `json:"tables"`
	Buckets []struct {
		New, Returning, Resurrecting int64
		Dormant                      int64
	} `json:"buckets"`
	Windows []struct {
		Counts []int64 `json:"counts"`
	} `json:"windows"`
	Layers []struct {
		Step  int `json:"step"`
		Nodes []struct {
			Sort  string `json:"sort"`
			Value string `json:"value"`
			Count int64  `json:"count"`
		} `json:"nodes"`
	} `json:"layers"`
	People *int64 `json:"people"`
	Events []struct {
		Timestamp time.Time `json:"timestamp"`
		Event     string    `json:"event"`
	} `json:"events"`
}

// facts are the lines that a peer's SQL should give, too.
func facts(body []byte) (lines []string, err error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	for _, s := range a.Series {
		line := func(bucket int, value float64) {
			fields := append(slices.Clone(s.Breakdown), strconv.Itoa(bucket), strconv.FormatFloat(value, 'f', -1, 64))
			lines = append(lines, strings.Join(fields, "\t"))
		}
		for i, v := range s.Values {
			if v != nil {
				line(i, *v)
			}
		}
		// Who was there in all is a number of its own; other totals are sums.
		if a.Question.Series[0].Aggregate == "unique" {
			line(-1, s.Total)
		}
	}
	for _, g := range a.Groups {
		fields := slices.Clone(g.Breakdown)
		for _, s := range g.Steps {
			fields = append(fields, strconv.FormatInt(s.Count, 10))
		}
		lines = append(lines, strings.Join(fields, "\t"))
	}
	for _, t := range a.Tables {
		for i, c := range t.Cohorts {
			for k, cell := range c.Cells {
				if cell.Count != nil && *cell.Count > 0 {
					lines = append(lines, fmt.Sprintf("%d\t%d\t%d", i, k, *cell.Count))
				}
			}
		}
	}
	for i, b := range a.Buckets {
		if len(a.Series) > 0 {
			break // of trends
		}
		lines = append(lines, fmt.Sprintf("%d\t%d\t%d\t%d\t%d", i+1, b.New, b.Returning, b.Resurrecting, b.Dormant))
	}
	for _, w := range a.Windows {
		for k, n := range w.Counts {
			if n > 0 {
				lines = append(lines, fmt.Sprintf("%d\t%d", k+1, n))
			}
		}
	}
	for _, l := range a.Layers {
		for _, n := range l.Nodes {
			if n.Sort == "value" && l.Step < 5 {
				lines = append(lines, fmt.Sprintf("%d\t%s\t%d", l.Step, n.Value, n.Count))
			}
		}
	}
	if a.People != nil {
		lines = append(lines, strconv.FormatInt(*a.People, 10))
	}
	for _, e := range a.Events {
		lines = append(lines, fmt.Sprintf("%d\t%s", e.Timestamp.UnixMicro(), e.Event))
	}
	slices.Sort(lines)
	return lines, nil
}

// nodes adds up the links of a peer by their sources.
func nodes(links []string) (lines []string, err error) {
	sums := map[string]int64{}
	for _, l := range links {
		fields := strings.Split(l, "\t")
		n, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return nil, err
		}
		sums[fields[0]+"\t"+fields[1]] += n
	}
	for key, n := range sums {
		lines = append(lines, key+"\t"+strconv.FormatInt(n, 10))
	}
	return lines, nil
}

// differ names the first line that a peer lacks; "" when it has all. A peer may have more: values that the answer puts together.
func differ(ours, theirs []string) string {
	for _, l := range ours {
		if !strings.HasPrefix(l, "$other\t") && !slices.Contains(theirs, l) {
			return fmt.Sprintf("no line %q among %d, such as %q", l, len(theirs), theirs[:min(3, len(theirs))])
		}
	}
	return ""
}
