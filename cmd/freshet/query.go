package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/freshet/freshet/internal/client"
)

type queryCmd struct {
	serverFlags
	jsonFlag
	Question   string        `arg:"" optional:"" placeholder:"FILE" help:"File with a question as JSON, - for standard input; without it the question is made from the options."`
	Event      []string      `short:"e" sep:"none" help:"Event to count; several are counted together. Without it: all events."`
	Aggregate  string        `short:"a" default:"total" help:"total, unique, dau, wau, mau, sessions, per_user, sum, avg, min, max, median, p75, p90, p95, p99, first_time or distinct."`
	Property   string        `short:"p" help:"Property that sum, avg, percentiles and distinct are of, such as amount; 'amount as number' reads text as numbers."`
	Interval   string        `short:"i" default:"day" help:"minute, hour, day, week or month."`
	From       string        `default:"-30d" help:"Begin of the range: -7d, today, this_month, all, 2026-03-01 or a time."`
	To         string        `default:"now" help:"End of the range."`
	Timezone   string        `placeholder:"ZONE" help:"Time zone such as Europe/Berlin, or device for the clock of each device; default the project's."`
	Breakdown  []string      `short:"b" sep:"none" help:"Property to split by, such as '$$country' or 'level as number'; up to three."`
	Where      []string      `short:"w" sep:"none" help:"Condition, such as 'plan is pro', 'amount gte 10' or 'level as number lt 5'; all must hold."`
	Compare    string        `enum:",previous,year" default:"" help:"Compare with the previous period or the year before (previous, year)."`
	Cumulative bool          `help:"Add up the values."`
	Values     bool          `help:"Print every bucket."`
	Format     string        `enum:",csv,parquet" default:"" help:"Write the answer as a file for spreadsheets and data tools: csv or parquet."`
	Out        string        `short:"o" default:"-" placeholder:"FILE" help:"File to write; - is standard output. Without --format the ending of the name decides."`
	Consistent uint64        `placeholder:"POSITION" help:"Wait until this position is visible."`
	Timeout    time.Duration `default:"10s" help:"How long the server may take."`
	Project    string        `placeholder:"ID" help:"Project to ask, with an admin key."`
}

// Help implements kong.HelpProvider.
func (queryCmd) Help() string {
	return `Asks a question and prints the answer as a table. The options make one about trends, answered with a line that shows the
course of the values; a file may hold a question of any kind: trends, funnel, retention, lifecycle, stickiness, paths or sessions.

  freshet query -e purchase                             purchases a day, the last 30 days
  freshet query -e purchase -a unique -i week           people who bought, by week
  freshet query -e purchase -a sum -p amount -b '$country'
  freshet query -e purchase -a sum -p 'price as number'  of prices that were sent as text
  freshet query -e app_opened -w 'member is true' --from=-24h -i hour --values
  freshet query question.json --json                    a question as the API takes it
  freshet query question.json -o answer.parquet         a table as a file
  echo '{"kind":"retention","interval":"week","start":{"events":["signed_up"]}}' | freshet query -
  echo '{"kind":"trends","series":[{"events":["purchase"]}]}' | freshet query -`
}

type answer struct {
	Range    struct{ From, To, Timezone string }
	Interval string
	Buckets  []struct {
		Start   string
		Partial bool
	}
	Series []struct {
		ID, Label string
		Breakdown []any
		Values    []*float64
		Total     *float64
		Compare   *struct {
			Values []*float64
			Total  *float64
		}
	}
	Watermark struct {
		Position uint64
		Time     string
	}
	Cached bool
	TookMS float64 `json:"took_ms"`
}

func (c *queryCmd) Run(ctx context.Context, s streams) error {
	if err := c.needKey("a read or admin key"); err != nil {
		return err
	}
	question, err := c.question(s.in)
	if err != nil {
		return err
	}
	cl, err := c.client(1)
	if err != nil {
		return err
	}
	defer cl.Close()
	q := url.Values{"timeout": {c.Timeout.String()}}
	if c.Consistent > 0 {
		q.Set("consistent_with", strconv.FormatUint(c.Consistent, 10))
	}
	if c.Project != "" {
		q.Set("project", c.Project)
	}
	request := client.Request{Method: http.MethodPost, Path: "/v1/query", Query: q, Body: question}
	if format, err := c.format(); err != nil {
		return err
	} else if format != "" {
		q.Set("format", format)
		return save(ctx, cl, request, c.Out, s.out)
	}
	var raw json.RawMessage
	if err := cl.JSON(ctx, request, nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, raw)
	}
	return c.printAnswer(s.out, raw)
}

// format is the form of the file to write, empty for an answer that is printed.
func (c *queryCmd) format() (string, error) {
	switch ending := strings.TrimPrefix(filepath.Ext(c.Out), "."); {
	case c.Format != "" && c.JSON:
		return "", usageError("--json and --format are two forms of one answer: give one of them")
	case c.Format != "" || c.Out == "-":
		return c.Format, nil
	case ending == "csv" || ending == "parquet":
		return ending, nil
	default:
		return "", usageError(fmt.Sprintf("%q does not say what to write: give --format csv or parquet", c.Out))
	}
}

// question is the body to send: from a file or made from the options.
func (c *queryCmd) question(in io.Reader) ([]byte, error) {
	switch c.Question {
	case "":
	case "-":
		return io.ReadAll(in)
	default:
		return os.ReadFile(c.Question)
	}
	series := map[string]any{"id": "A", "events": c.Event, "aggregate": c.Aggregate}
	if len(c.Event) == 0 {
		delete(series, "events")
	}
	if c.Property != "" {
		maps.Copy(series, property(c.Property))
	}
	q := map[string]any{
		"kind": "trends", "range": map[string]string{"from": c.From, "to": c.To}, "interval": c.Interval, "series": []any{series},
	}
	if c.Timezone != "" {
		q["timezone"] = c.Timezone
	}
	if c.Compare != "" {
		q["compare"] = c.Compare
	}
	if c.Cumulative {
		q["cumulative"] = true
	}
	var breakdown, where []any
	for _, p := range c.Breakdown {
		breakdown = append(breakdown, property(p))
	}
	for _, text := range c.Where {
		f, err := condition(text)
		if err != nil {
			return nil, err
		}
		where = append(where, f)
	}
	if breakdown != nil {
		q["breakdown"] = breakdown
	}
	if where != nil {
		q["where"] = map[string]any{"and": where}
	}
	return json.Marshal(q)
}

// asNumber behind a property has the question read text as numbers.
const asNumber = " as number"

// property reads "property" or "property as number".
func property(text string) map[string]any {
	if name, cut := strings.CutSuffix(text, asNumber); cut {
		return map[string]any{"property": name, "as": "number"}
	}
	return map[string]any{"property": text}
}

// condition reads "property op value" or "property as number op value"; the value is JSON if it can be, else text.
func condition(text string) (map[string]any, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if op, cut := strings.CutPrefix(" "+rest, asNumber+" "); cut {
		name, rest = name+asNumber, op
	}
	op, value, given := strings.Cut(rest, " ")
	if op == "" || op == "as" {
		return nil, usageError(fmt.Sprintf("%q is no condition such as 'plan is pro', 'amount gte 10' or 'level as number lt 5'", text))
	}
	f := property(name)
	f["op"] = op
	if given {
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		f["value"] = v
	}
	return f, nil
}

func (c *queryCmd) print(w io.Writer, a answer) error {
	fmt.Fprintf(w, "%s to %s (%s), by %s\n\n", a.Range.From, a.Range.To, a.Range.Timezone, a.Interval)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERIES\tTOTAL\tLAST\tCOURSE")
	for _, s := range a.Series {
		label := s.Label
		if label == "" {
			label = s.ID
		}
		path := []string{label}
		for _, b := range s.Breakdown {
			path = append(path, cell(b))
		}
		last := "-"
		if n := len(s.Values); n > 0 {
			last = number(s.Values[n-1])
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", strings.Join(path, " / "), number(s.Total), last, sparkline(s.Values, 60))
		if s.Compare != nil {
			fmt.Fprintf(t, "  before\t%s\t\t%s\n", number(s.Compare.Total), sparkline(s.Compare.Values, 60))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if c.Values {
		fmt.Fprintln(w)
		for i, b := range a.Buckets {
			fmt.Fprint(t, b.Start)
			for _, s := range a.Series {
				if i < len(s.Values) {
					fmt.Fprint(t, "\t", number(s.Values[i]))
				}
			}
			if b.Partial {
				fmt.Fprint(t, "\t(not over)")
			}
			fmt.Fprintln(t)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\nas of position %d (%s), %.1f ms\n", a.Watermark.Position, a.Watermark.Time, a.TookMS)
	return err
}
