package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// serverStatus is how the server is, as a whole.
type serverStatus struct {
	Version       string          `json:"version" doc:"The server's version."`
	UptimeSeconds float64         `json:"uptime_seconds" doc:"Since when it runs."`
	Watermark     store.Watermark `json:"watermark" doc:"The position before which every event is visible, and when the newest of them was received."`
	Lag           lagStatus       `json:"lag" doc:"What was acknowledged and is not visible yet."`
	Freshness     freshnessStatus `json:"freshness_ms" doc:"Milliseconds from receipt to visibility, of recent events."`
	Log           logStatus       `json:"log" doc:"What the event log holds."`
	Store         storeStatus     `json:"store" doc:"What the store holds."`
	Lanes         []LaneStatus    `json:"lanes,omitempty" doc:"How each lane is, where there are several; then watermark, lag, freshness, log and store are of the project's own."`
}

// LaneStatus is how one of several paths from the log to the store is.
type LaneStatus struct {
	Lane      int             `json:"lane" doc:"The number of the lane." example:"1"`
	Processes bool            `json:"processes" doc:"Whether it is this process that stores the lane's events."`
	Watermark store.Watermark `json:"watermark" doc:"The position in the lane's log before which every event is visible."`
	Lag       lagStatus       `json:"lag" doc:"What was acknowledged and is not visible yet, as far as this process knows."`
	Log       logStatus       `json:"log" doc:"What the lane's log holds."`
}

// NewLaneStatus is that of a lane by its pipeline.
func NewLaneStatus(lane int, processes bool, w store.Watermark, p Pipeline) LaneStatus {
	s := LaneStatus{Lane: lane, Processes: processes, Watermark: w}
	s.Lag.Events, s.Lag.Seconds = p.Lag()
	s.Log.Start, s.Log.End = p.LogBounds()
	return s
}

type lagStatus struct {
	Events  uint64  `json:"events" doc:"How many events wait."`
	Seconds float64 `json:"seconds" doc:"For how long."`
}

type freshnessStatus struct {
	P50 float64 `json:"p50" doc:"Half of the events were visible within this time."`
	P99 float64 `json:"p99" doc:"99 in 100 events were visible within this time."`
}

type logStatus struct {
	Start eventlog.Position `json:"start" doc:"The first position that is still held."`
	End   eventlog.Position `json:"end" doc:"The position after the last event."`
}

type storeStatus struct {
	HotRows    int `json:"hot_rows" doc:"Rows that are in memory only; the log has them too."`
	FormerDays int `json:"former_days" doc:"Days on disk that an earlier version wrote and that are yet to be rewritten in the layout of this one. Answers do not depend on it."`
}

type statusAnswer struct {
	Body serverStatus
}

func (a *API) registerStatus() {
	handle(a, huma.Operation{
		OperationID: "get-status", Method: http.MethodGet, Path: "/v1/status", Tags: []string{"operation"},
		Summary: "Tell how fresh answers are", Description: "The figures are of the whole server, not of a project; where there are several lanes, of the one that the project's events go.",
	}, read, func(_ context.Context, c *call, _ *ProjectParameter) (*statusAnswer, error) {
		return &statusAnswer{a.status(c)}, nil
	})
}

func (a *API) status(c *call) serverStatus {
	p := a.pipeline(c)
	s := serverStatus{Version: a.opts.Version, UptimeSeconds: a.opts.Now().Sub(a.started).Round(time.Millisecond).Seconds()}
	_, s.Watermark = a.opts.Engine.Version(store.ProjectID(c.project.ID))
	s.Lag.Events, s.Lag.Seconds = p.Lag()
	s.Freshness.P50, s.Freshness.P99 = milliseconds(p.Freshness(0.5)), milliseconds(p.Freshness(0.99))
	s.Log.Start, s.Log.End = p.LogBounds()
	s.Store.HotRows, s.Store.FormerDays = p.HotRows(), p.FormerDays()
	if l, ok := a.opts.Pipeline.(Lanes); ok {
		s.Lanes = l.Lanes()
	}
	return s
}

// pipeline is the one that the events of the call's project go.
func (a *API) pipeline(c *call) Pipeline {
	if l, ok := a.opts.Pipeline.(Lanes); ok {
		return l.Of(c.project.ID)
	}
	return a.opts.Pipeline
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
