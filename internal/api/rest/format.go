package rest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/api/sheet"
	"github.com/freshet/freshet/internal/query"
)

// The forms of an answer. Their media types are in formats.
const (
	asJSON    = "json"
	asCSV     = "csv"
	asParquet = "parquet"
	asEvents  = "events"
)

var formats = [...]struct{ name, media string }{
	{asJSON, "application/json"},
	{asCSV, "text/csv"},
	{asParquet, "application/vnd.apache.parquet"},
	{asEvents, "text/event-stream"},
}

// format is the form that a request asks for: by its parameter, or else by Accept. What is not known there is answered as
// JSON, as it is without either.
func (in *QueryParameters) format() string {
	if in.Format != "" {
		return in.Format
	}
	return preferred(in.Accept, asJSON, asCSV, asParquet, asEvents)
}

// preferred is the first of the forms that Accept wants most, and otherwise JSON.
func preferred(accept string, forms ...string) string {
	best, weight := asJSON, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			q, _ = strconv.ParseFloat(text, 64)
		}
		for _, f := range formats {
			if f.media == media && q > weight && slices.Contains(forms, f.name) {
				best, weight = f.name, q
			}
		}
	}
	return best
}

// mediaTypes documents the forms of an answer.
func (a *API) mediaTypes() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{
		"application/json": {Schema: a.anyKind(func(k kind) reflect.Type { return k.answer })},
		"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString, Description: "A line of names, then a row a line, by the kind of question as docs/querying.md lists them."}},
		"application/vnd.apache.parquet": {Schema: &huma.Schema{
			Type: huma.TypeString, Format: "binary", Description: "The same rows and columns, with question and watermark in the file's metadata.",
		}},
		"text/event-stream": a.progressStream(),
	}
}

// sheet makes the table of an answer.
func (d *answered) sheet() (*sheet.Sheet, json.RawMessage, error) {
	var head struct {
		Kind     string
		Question json.RawMessage
	}
	whole := append(bytes.Clone(d.body), '}')
	if err := json.Unmarshal(whole, &head); err != nil {
		return nil, nil, fmt.Errorf("read the answer: %w", err)
	}
	for _, k := range kinds() {
		if k.name != head.Kind {
			continue
		}
		answer := reflect.New(k.answer).Interface()
		if err := json.Unmarshal(whole, answer); err != nil {
			return nil, nil, fmt.Errorf("read the answer: %w", err)
		}
		out, err := sheet.Of(answer.(query.Answered))
		return out, head.Question, err
	}
	return nil, nil, fmt.Errorf("read the answer: there is no kind %q", head.Kind)
}

// file is an answer as a table in one of the forms that are not JSON.
func (d *answered) file(format string) ([]byte, error) {
	table, question, err := d.sheet()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if format == asCSV {
		err = writeCSV(&buf, table)
	} else {
		err = table.Parquet(&buf, sheet.Note{Key: "freshet.question", Value: string(question)},
			sheet.Note{Key: "freshet.position", Value: strconv.FormatUint(uint64(d.watermark.Position), 10)},
			sheet.Note{Key: "freshet.complete_until", Value: d.watermark.Time.Format(time.RFC3339Nano)})
	}
	return buf.Bytes(), err
}

// send writes a file that was made of the answer.
func (d *answered) send(w http.ResponseWriter, format string, file []byte, now time.Time) {
	head := w.Header()
	d.state(head)
	media := "text/csv; charset=utf-8; header=present"
	if format == asParquet {
		media = "application/vnd.apache.parquet"
	}
	head.Set("Content-Type", media)
	head.Set("Content-Disposition", `attachment; filename="freshet-`+now.UTC().Format("20060102-150405")+"."+format+`"`)
	head.Set("Freshet-Position", strconv.FormatUint(uint64(d.watermark.Position), 10))
	head.Set("Content-Length", strconv.Itoa(len(file)))
	_, _ = w.Write(file)
}

func writeCSV(buf *bytes.Buffer, table *sheet.Sheet) error {
	out := csv.NewWriter(buf)
	row := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		row[i] = c.Name
	}
	err := out.Write(row)
	for _, cells := range table.Rows {
		for i, v := range cells {
			row[i] = csvCell(v)
		}
		if err == nil {
			err = out.Write(row)
		}
	}
	if out.Flush(); err == nil {
		err = out.Error()
	}
	return err
}

func csvCell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return cell(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	default:
		return fmt.Sprint(v)
	}
}
