package rest

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/api/sheet"
	"github.com/freshet/freshet/internal/query"
)

type exportQuery struct {
	EventParameters
	Format string `query:"format" default:"ndjson" enum:"ndjson,csv" doc:"ndjson has an event a line, and POST /v1/events takes it again; csv is for spreadsheets."`
}

func (a *API) registerExport() {
	text := &huma.Schema{Type: huma.TypeString}
	handle(a, huma.Operation{
		OperationID: "export-events", Method: http.MethodGet, Path: "/v1/export", Tags: []string{"events"},
		Summary: "Download the events, oldest first",
		Description: "A stream of everything that was visible when it began. An answer that ends early is cut off, so that it cannot pass " +
			"for a whole one. In csv, text that a spreadsheet would take for a formula has an apostrophe before it.",
		Responses: answers("The events.", map[string]*huma.MediaType{"application/x-ndjson": {Schema: text}, "text/csv": {Schema: text}}),
	}, read, a.export)
}

func (a *API) export(_ context.Context, c *call, in *exportQuery) (*huma.StreamResponse, error) {
	f, err := in.filter(a, c)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		x := newExport(c.w, in.Format, fmt.Sprintf("freshet-%d-%s", c.project.ID, a.opts.Now().UTC().Format("20060102-150405")))
		a.deliver(hc.Context(), x, func(ctx context.Context) error {
			return a.opts.Engine.Export(ctx, c.scope(), f, x.event)
		})
	}}, nil
}

// deliver fills an export and ends it.
func (a *API) deliver(ctx context.Context, x *export, fill func(context.Context) error) {
	err := fill(ctx)
	if err == nil {
		err = x.finish()
	}
	if err == nil {
		return
	}
	if !x.begun {
		problemOf(ctx, a.opts.Logger, err).write(x.w)
		return
	}
	if ctx.Err() == nil {
		a.opts.Logger.ErrorContext(ctx, "export cut off", "error", err)
	}
	panic(http.ErrAbortHandler) // half an export must not look like a whole one
}

// export writes events, or people, in one of the formats. Nothing is written before the first one is there, so that an error up
// to then is answered as one.
type export struct {
	w    http.ResponseWriter
	name string
	buf  *bufio.Writer
	csv  *csv.Writer
	// columns are the names of csv's, typed those of a Parquet file.
	columns []string
	typed   []sheet.Column
	file    *sheet.File
	// rows and held are how many rows and bytes of text are in the row group at hand.
	rows, held int
	line       []byte
	begun      bool
}

func newExport(w http.ResponseWriter, format, name string) *export {
	x := &export{w: w, name: name + "." + format, columns: csvColumns, buf: bufio.NewWriterSize(w, 64<<10)}
	if format == "csv" {
		x.csv = csv.NewWriter(x.buf)
	}
	return x
}

func (x *export) begin() error {
	if x.begun {
		return nil
	}
	x.begun = true
	head := x.w.Header()
	head.Set("Content-Disposition", `attachment; filename="`+x.name+`"`)
	head.Set("Content-Type", "application/x-ndjson")
	if strings.HasSuffix(x.name, "."+asParquet) {
		head.Set("Content-Type", "application/vnd.apache.parquet")
		var err error
		x.file, err = sheet.NewFile(x.buf, x.typed)
		return err
	}
	if x.csv == nil {
		return nil
	}
	head.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	return x.csv.Write(x.columns)
}

func (x *export) event(e *query.Event) error {
	if err := x.begin(); err != nil {
		return err
	}
	if x.csv != nil {
		return x.csv.Write(csvRow(e))
	}
	x.line = append(e.AppendJSON(x.line[:0]), '\n')
	_, err := x.buf.Write(x.line)
	return err
}

// A row group of a Parquet file is held in memory until it has so many rows or bytes of text, whichever comes first.
const (
	groupRows  = 16384
	groupBytes = 4 << 20
)

// row writes one of a Parquet file.
func (x *export) row(cells []any) error {
	if x.rows == groupRows || x.held >= groupBytes {
		if err := x.file.Flush(); err != nil {
			return err
		}
		x.rows, x.held = 0, 0
	}
	x.rows++
	for _, c := range cells {
		if text, ok := c.(string); ok {
			x.held += len(text)
		}
	}
	return x.file.Add(cells)
}

func (x *export) finish() error {
	if err := x.begin(); err != nil {
		return err
	}
	if x.file != nil {
		if err := x.file.Close(); err != nil {
			return err
		}
	}
	if x.csv != nil {
		x.csv.Flush()
		if err := x.csv.Error(); err != nil {
			return err
		}
	}
	return x.buf.Flush()
}

var csvColumns = []string{
	"id", "kind", "event", "timestamp", "received_at", "person", "user_id", "anonymous_id", "previous_id", "group_id", "session_id",
	"position", "country", "region", "city", "browser", "protocol", "flags", "skew_ms", "properties", "traits", "trait_ops", "context",
}

func csvRow(e *query.Event) []string {
	return []string{
		cell(e.ID), e.Kind, cell(e.Event), e.Timestamp.Format(time.RFC3339Nano), e.ReceivedAt.Format(time.RFC3339Nano), e.Person,
		cell(e.UserID), cell(e.AnonymousID), cell(e.PreviousID), cell(e.GroupID), cell(e.SessionID),
		strconv.FormatUint(uint64(e.Position), 10), cell(e.Country), cell(e.Region), cell(e.City), cell(e.Browser), cell(e.Protocol),
		strings.Join(e.Flags, " "), strconv.FormatFloat(e.SkewMS, 'f', -1, 64), string(e.Properties), string(e.Traits), string(e.TraitOps), string(e.Context),
	}
}

// cell keeps a spreadsheet from taking text of an app's users for a formula. JSON objects begin with a brace, and
// numbers are the server's own, so neither needs it.
func cell(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
		return "'" + s
	}
	return s
}
