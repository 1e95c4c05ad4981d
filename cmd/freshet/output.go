package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// printJSON writes an answer as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printTable writes rows of objects with the given fields as columns.
func printTable(w io.Writer, rows []map[string]any, fields ...string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.Join(fields, "\t")))
	for _, row := range rows {
		cells := make([]string, len(fields))
		for i, f := range fields {
			cells[i] = cell(row[f])
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return v
	case float64:
		return number(&v)
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// number writes a value briefly; nil is a value that does not exist.
func number(v *float64) string {
	switch {
	case v == nil:
		return "-"
	case *v == math.Trunc(*v) && math.Abs(*v) < 1e15:
		return strconv.FormatInt(int64(*v), 10)
	default:
		return strconv.FormatFloat(*v, 'f', 2, 64)
	}
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkline draws values as a line of blocks, from 0 to the greatest.
func sparkline(values []*float64, width int) string {
	values = squeeze(values, width)
	top := 0.0
	for _, v := range values {
		if v != nil {
			top = max(top, *v)
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case v == nil:
			b.WriteByte(' ')
		case top == 0 || *v <= 0:
			b.WriteRune(sparks[0])
		default:
			b.WriteRune(sparks[int(*v/top*float64(len(sparks)-1)+0.5)])
		}
	}
	return b.String()
}

// squeeze averages neighbours until at most width values are left.
func squeeze(values []*float64, width int) []*float64 {
	if len(values) <= width {
		return values
	}
	out := make([]*float64, width)
	for i := range out {
		from, to := i*len(values)/width, (i+1)*len(values)/width
		sum, n := 0.0, 0
		for _, v := range values[from:to] {
			if v != nil {
				sum, n = sum+*v, n+1
			}
		}
		if n > 0 {
			mean := sum / float64(n)
			out[i] = &mean
		}
	}
	return out
}
