package rest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/store"
)

// checksumsOf is the first line of the answer.
type checksumsOf struct {
	Watermark store.Watermark `json:"watermark"`
}

// checksumsDay is each of the others.
type checksumsDay struct {
	Received string `json:"received"`
	Events   int64  `json:"events"`
	Sent     string `json:"sent"`
	Derived  string `json:"derived"`
}

type checksumsParameters struct {
	WaitParameters
	From string `query:"from" format:"date" doc:"Leave out events of days before this one, in the project's time zone." example:"2026-03-01"`
}

func (a *API) registerChecksums() {
	handle(a, huma.Operation{
		OperationID: "get-checksums", Method: http.MethodGet, Path: "/v1/checksums", Tags: []string{"operation"},
		Summary: "Compare what is stored with another store",
		Description: "Reads every value of every event of the project and answers with lines of JSON: the watermark first, then for each day of receipt (UTC) " +
			"how many events there are, a sum of hashes of what was sent, and one of what was worked out of it: people, corrected times, places, devices. Two stores " +
			"of the same events at the same watermark have the same lines, whatever their engine; the second sum may differ when one of them was made by another version. " +
			"It takes a place among the questions for as long as it lasts, some seconds for each million events. An answer that fails is cut off.",
		Responses: answers("The days.", map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString}}}),
	}, admin, a.checksums)
}

func (a *API) checksums(ctx context.Context, c *call, in *checksumsParameters) (*huma.StreamResponse, error) {
	_, cancel, err := a.wait(ctx, c.scope().Project, &in.WaitParameters)
	if err != nil {
		return nil, err
	}
	cancel()
	from := int64(math.MinInt64)
	if in.From != "" {
		day, err := time.Parse(time.DateOnly, in.From)
		if err != nil {
			return nil, invalid("bad_date", "from", "from %q is no date such as 2026-03-01", in.From)
		}
		from = day.Unix() / 86_400
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		x := newExport(c.w, "ndjson", "checksums")
		a.deliver(hc.Context(), x, func(ctx context.Context) error {
			sums, err := a.opts.Engine.Checksums(ctx, c.scope(), from, func(w store.Watermark) error { return x.object(checksumsOf{w}) })
			if err != nil {
				return err
			}
			for _, d := range sums {
				err := x.object(checksumsDay{time.Unix(d.Day*86_400, 0).UTC().Format(time.DateOnly), d.Events, fmt.Sprintf("%016x", d.Sent), fmt.Sprintf("%016x", d.Derived)})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}}, nil
}

// object writes a line that the reader gets at once.
func (x *export) object(v any) error {
	if err := x.begin(); err != nil {
		return err
	}
	b, err := line(v)
	if err != nil {
		return err
	}
	if _, err := x.buf.Write(append(b, '\n')); err != nil {
		return err
	}
	if err := x.buf.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(x.w).Flush()
}
