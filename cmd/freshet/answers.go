package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// printAnswer writes an answer of any kind as tables.
func (c *queryCmd) printAnswer(w io.Writer, raw json.RawMessage) error {
	var head struct {
		Kind      string
		Range     struct{ From, To, Timezone string }
		Watermark struct {
			Position uint64
			Time     string
		}
		TookMS float64 `json:"took_ms"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	printers := map[string]func(*tabwriter.Writer, json.RawMessage) error{
		"funnel": printFunnel, "retention": printRetention, "lifecycle": printLifecycle, "stickiness": printStickiness, "paths": printPaths,
		"sessions": printSessions,
	}
	printer := printers[head.Kind]
	if printer == nil {
		var a answer
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return c.print(w, a)
	}
	fmt.Fprintf(w, "%s, %s to %s (%s)\n\n", head.Kind, head.Range.From, head.Range.To, head.Range.Timezone)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if err := printer(t, raw); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nas of position %d (%s), %.1f ms\n", head.Watermark.Position, head.Watermark.Time, head.TookMS)
	return err
}

// percent writes a share; nil is one of nothing.
func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", *share*100)
}

// group writes the values of a breakdown as a heading.
func group(t *tabwriter.Writer, values []any) {
	if len(values) == 0 {
		return
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = cell(v)
	}
	fmt.Fprintln(t, strings.Join(names, " / "))
}

func printFunnel(t *tabwriter.Writer, raw json.RawMessage) error {
	var a struct {
		Groups []struct {
			Breakdown []any
			Steps     []struct {
				Label        string
				Count        int64
				Rate         *float64
				FromPrevious *float64 `json:"from_previous"`
			}
			Open int64
		}
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	for _, g := range a.Groups {
		group(t, g.Breakdown)
		fmt.Fprintln(t, "STEP\tCOUNT\tOF ALL\tOF THE STEP BEFORE")
		for _, s := range g.Steps {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", s.Label, s.Count, percent(s.Rate), percent(s.FromPrevious))
		}
		fmt.Fprintf(t, "still open\t%d\n", g.Open)
	}
	return nil
}

func printRetention(t *tabwriter.Writer, raw json.RawMessage) error {
	var a struct {
		Columns []struct{ From, To int }
		Tables  []struct {
			Breakdown []any
			People    int64
			Cohorts   []struct {
				Start string
				Size  int64
				Cells []struct {
					Rate  *float64
					State string
				}
			}
			Average []struct{ Rate *float64 }
		}
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	for _, table := range a.Tables {
		group(t, table.Breakdown)
		fmt.Fprint(t, "START\tPEOPLE")
		for _, c := range a.Columns {
			if c.From == c.To {
				fmt.Fprintf(t, "\t%d", c.From)
			} else {
				fmt.Fprintf(t, "\t%d to %d", c.From, c.To)
			}
		}
		for _, c := range table.Cohorts {
			fmt.Fprintf(t, "\n%s\t%d", c.Start, c.Size)
			for _, cell := range c.Cells {
				mark := map[string]string{"so_far": " *"}[cell.State]
				fmt.Fprint(t, "\t", percent(cell.Rate), mark)
			}
		}
		fmt.Fprintf(t, "\nall\t%d", table.People)
		for _, m := range table.Average {
			fmt.Fprint(t, "\t", percent(m.Rate))
		}
		fmt.Fprintln(t, "\n* so far")
	}
	return nil
}

func printLifecycle(t *tabwriter.Writer, raw json.RawMessage) error {
	type part struct {
		Breakdown []any
		Buckets   []struct {
			Start                                string
			Partial                              bool
			Active, New, Returning, Resurrecting int64
			Dormant, Pulse                       *float64
		}
	}
	var a struct {
		part
		Groups []part
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	for _, p := range append([]part{a.part}, a.Groups...) {
		group(t, p.Breakdown)
		fmt.Fprintln(t, "START\tACTIVE\tNEW\tRETURNING\tRESURRECTING\tDORMANT\tPULSE")
		for _, b := range p.Buckets {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t%s\n", b.Start, b.Active, b.New, b.Returning, b.Resurrecting, number(b.Dormant), number(b.Pulse))
		}
	}
	return nil
}

func printStickiness(t *tabwriter.Writer, raw json.RawMessage) error {
	var a struct {
		stickyPart
		Groups []stickyPart
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	for _, p := range append([]stickyPart{a.stickyPart}, a.Groups...) {
		p.print(t)
	}
	return nil
}

// stickyPart has the numbers of everybody, or of one value of the breakdown.
type stickyPart struct {
	Breakdown []any
	Windows   []struct {
		Start  string
		People int64
		Counts []int64
		Rates  []*float64
	}
	Days []struct {
		Start     string
		Day, Span int64
		Ratio     *float64
	}
}

func (p *stickyPart) print(t *tabwriter.Writer) {
	group(t, p.Breakdown)
	for _, w := range p.Windows {
		fmt.Fprintf(t, "%s: %d people\nINTERVALS\tPEOPLE\tOF ALL\n", w.Start, w.People)
		for k, n := range w.Counts {
			fmt.Fprintf(t, "%d\t%d\t%s\n", k+1, n, percent(w.Rates[k]))
		}
	}
	if len(p.Days) > 0 {
		fmt.Fprintln(t, "DAY\tTHAT DAY\tOF THE LAST DAYS\tRATIO")
	}
	for _, d := range p.Days {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", d.Start, d.Day, d.Span, percent(d.Ratio))
	}
}

func printPaths(t *tabwriter.Writer, raw json.RawMessage) error {
	type flow struct {
		Breakdown []any
		Paths     int64
		Layers    []struct {
			Step  int
			Nodes []struct {
				Value any
				Count int64
			}
		}
		Links []struct {
			Step, From, To int
			Count          int64
		}
	}
	var a struct {
		flow
		Groups []flow
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	for _, f := range append([]flow{a.flow}, a.Groups...) {
		group(t, f.Breakdown)
		fmt.Fprintf(t, "%d paths\nSTEP\tFROM\tTO\tPATHS\n", f.Paths)
		for _, l := range f.Links {
			i := l.Step - f.Layers[0].Step
			fmt.Fprintf(t, "%d\t%s\t%s\t%d\n", l.Step, cell(f.Layers[i].Nodes[l.From].Value), cell(f.Layers[i+1].Nodes[l.To].Value), l.Count)
		}
	}
	return nil
}

func printSessions(t *tabwriter.Writer, raw json.RawMessage) error {
	type numbers struct {
		Sessions, Bounces float64
		BounceRate        *float64 `json:"bounce_rate"`
		EventsPerSession  *float64 `json:"events_per_session"`
		AverageSeconds    *float64 `json:"average_seconds"`
		MedianSeconds     *float64 `json:"median_seconds"`
	}
	var a struct {
		Buckets []struct{ Start string }
		Groups  []struct {
			Breakdown []any
			Total     numbers
			Buckets   []numbers
		}
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	line := func(name string, n numbers) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", name, number(&n.Sessions), percent(n.BounceRate), number(n.EventsPerSession),
			number(n.AverageSeconds), number(n.MedianSeconds))
	}
	for _, g := range a.Groups {
		group(t, g.Breakdown)
		fmt.Fprintln(t, "START\tSESSIONS\tBOUNCED\tEVENTS EACH\tMEAN SECONDS\tMEDIAN SECONDS")
		for i, n := range g.Buckets {
			line(a.Buckets[i].Start, n)
		}
		line("all", g.Total)
	}
	return nil
}
