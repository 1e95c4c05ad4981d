package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/project"
)

// Operator tells how the process is at work.
type Operator interface {
	// Operations are its figures as of now. What is counted begins with the process.
	Operations(ctx context.Context) (Operations, error)
	// Rows is how many events of a project are stored.
	Rows(ctx context.Context, p project.ID) (int64, error)
	// Limits are those of requests and of the server, and those of a project that come from the configuration.
	Limits(ctx context.Context, p project.ID) ([]Limit, error)
}

// Operations are figures of the whole server.
type Operations struct {
	GoVersion     string            `json:"go_version" doc:"The version of Go that it was built with." example:"go1.26.0"`
	DuckDBVersion string            `json:"duckdb_version,omitempty" doc:"The version of DuckDB; absent when the store is elsewhere."`
	Accepted      float64           `json:"accepted" doc:"Events acknowledged since the start."`
	Refused       float64           `json:"refused" doc:"Requests to send events that were refused since the start."`
	Stored        float64           `json:"stored" doc:"Events stored since the start."`
	Duplicates    float64           `json:"duplicates" doc:"Repeated events left out since the start."`
	DeadLettered  float64           `json:"dead_lettered" doc:"Events set aside since the start."`
	BodyBytes     float64           `json:"body_bytes" doc:"Bytes of accepted bodies since the start, decompressed."`
	Acks          OperationsBuckets `json:"acks" doc:"How long acknowledgements took, from request to durable."`
	Questions     OperationsBuckets `json:"questions" doc:"How long answers took that were not at hand."`
	Running       float64           `json:"questions_running" doc:"Questions being answered."`
	Waiting       float64           `json:"questions_waiting" doc:"Questions that wait for their turn."`
	Streams       float64           `json:"streams" doc:"Live streams that are open."`
	CPUSeconds    float64           `json:"cpu_seconds" doc:"Seconds of processor time since the start."`
	ResidentBytes float64           `json:"resident_bytes" doc:"Memory that the process has in use."`
	LogBytes      int64             `json:"log_bytes" doc:"Size of the event log on disk."`
	StoreBytes    int64             `json:"store_bytes" doc:"Size of the store on disk; 0 when it is elsewhere."`
	DedupBytes    int64             `json:"dedup_bytes" doc:"Size of the index of known event ids on disk."`
	DiskFree      uint64            `json:"disk_free_bytes" doc:"What is free on the disk of the data folder; 0 where that cannot be told."`
	DiskTotal     uint64            `json:"disk_total_bytes" doc:"Size of the disk of the data folder; 0 where that cannot be told."`
	// Archive is nil when there is none.
	Archive *OperationsArchive `json:"archive,omitempty" doc:"How far the archive is; absent if there is none."`
}

// OperationsBuckets is a cumulative histogram since the start.
type OperationsBuckets struct {
	Count   uint64             `json:"count" doc:"How many there were."`
	Sum     float64            `json:"sum_seconds" doc:"How long they took together."`
	Buckets []OperationsBucket `json:"buckets" doc:"How many took at most so long, rising."`
}

// OperationsBucket is a step of a cumulative histogram.
type OperationsBucket struct {
	Seconds float64 `json:"seconds" doc:"The upper bound."`
	Count   uint64  `json:"count" doc:"How many took at most that."`
}

// OperationsArchive is how far the archive is.
type OperationsArchive struct {
	Position eventlog.Position `json:"position" doc:"Everything before it is in the archive, and was read back."`
	Lag      uint64            `json:"lag_events" doc:"Events of the log that are not in it yet."`
}

type operationsProject struct {
	ID         project.ID `json:"id" doc:"The project's number." example:"1"`
	Name       string     `json:"name" doc:"The project's name." example:"Shop"`
	Rows       int64      `json:"rows" doc:"Events that are stored."`
	StoreBytes int64      `json:"store_bytes" doc:"About its part of the store's size, by rows."`
}

type operationsAnswer struct {
	Body struct {
		Time   time.Time    `json:"time" doc:"When the figures were taken."`
		Status serverStatus `json:"status" doc:"How fresh answers are, as from /v1/status."`
		Operations
		Projects []operationsProject `json:"projects" doc:"What projects have stored: with an admin key all, else the key's own."`
	}
}

func (a *API) registerOperations() {
	handle(a, huma.Operation{
		OperationID: "get-operations", Method: http.MethodGet, Path: "/v1/operations", Tags: []string{"operation"},
		Summary: "Tell how the server is at work",
		Description: "Throughput, times, memory and storage of the whole server. What is counted begins with its start: the difference of two " +
			"answers is what happened in between. /metrics has more, in the form of Prometheus.",
	}, read, a.operations)
}

func (a *API) operations(ctx context.Context, c *call, _ *ProjectParameter) (*operationsAnswer, error) {
	o, err := a.opts.Operator.Operations(ctx)
	if err != nil {
		return nil, err
	}
	out := &operationsAnswer{}
	out.Body.Time, out.Body.Status, out.Body.Operations = a.opts.Now().UTC(), a.status(c), o
	out.Body.Projects = []operationsProject{}
	var all int64
	for _, p := range a.opts.Projects.Projects() {
		rows, err := a.opts.Operator.Rows(ctx, p.ID)
		if err != nil && p.ID != c.project.ID && event.KindOf(err) == event.Unavailable {
			continue // The store of another lane may be away for moments.
		}
		if err != nil {
			return nil, err
		}
		all += rows
		if c.who.Kind == project.Admin || p.ID == c.project.ID {
			out.Body.Projects = append(out.Body.Projects, operationsProject{ID: p.ID, Name: p.Name, Rows: rows})
		}
	}
	for i := range out.Body.Projects {
		p := &out.Body.Projects[i]
		p.StoreBytes = int64(float64(o.StoreBytes) * float64(p.Rows) / float64(max(all, 1)))
	}
	return out, nil
}
