package app

import (
	"time"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/store"
)

// The ports of the log, the store and the pipeline stand for those of all lanes here, and tell which is a project's. By themselves they
// are those of the first lane.
var (
	_ eventlog.Several = logs{}
	_ store.Several    = readers{}
	_ rest.Lanes       = pipelines{}
)

// logs are the logs of all lanes.
type logs struct {
	eventLog
	app *app
}

func (a *app) logs() logs { return logs{a.lanes[0].log, a} }

// Of implements eventlog.Several.
func (l logs) Of(project uint32) eventlog.Log {
	if lane := l.app.laneOf(project); lane != nil {
		return lane.log
	}
	return noLog{unknownLane}
}

// Number implements eventlog.Several.
func (l logs) Number(project uint32) int {
	n, _ := l.app.projects.Lane(project)
	return n
}

// readers are the stores of all lanes.
type readers struct {
	*reader
	app *app
}

func (a *app) readers() readers { return readers{a.lanes[0].reader, a} }

// Of implements store.Several.
func (r readers) Of(p store.ProjectID) store.Reader {
	if lane := r.app.laneOf(uint32(p)); lane != nil {
		return lane.reader
	}
	return &reader{refused: unknownLane}
}

// status is what the API tells of a lane.
type status struct{ *lane }

// carried is what carries the lane's events in this process; nil while another one stores them.
func (s status) carried() *pipeline {
	if w := s.way.Load(); w != nil {
		return w.pipeline
	}
	return nil
}

// Lag implements rest.Pipeline. One whose events another process stores is as far behind as its store shows.
func (s status) Lag() (events uint64, seconds float64) {
	if p := s.carried(); p != nil {
		return p.Lag()
	}
	_, end := s.log.Bounds()
	return uint64(end - min(end, s.reader.Watermark().Position)), 0
}

// behind is Lag as a duration.
func (s status) behind() time.Duration {
	_, seconds := s.Lag()
	return time.Duration(seconds * float64(time.Second))
}

// Freshness implements rest.Pipeline.
func (s status) Freshness(quantile float64) time.Duration {
	if p := s.carried(); p != nil {
		return p.Freshness(quantile)
	}
	return 0
}

// LogBounds implements rest.Pipeline.
func (s status) LogBounds() (start, end eventlog.Position) {
	if !s.carries() {
		return 0, s.reader.Watermark().Position // of a log that is elsewhere this is what is known
	}
	return s.log.Bounds()
}

// HotRows implements rest.Pipeline.
func (s status) HotRows() int {
	if p := s.carried(); p != nil {
		return p.HotRows()
	}
	return 0
}

// FormerDays implements rest.Pipeline.
func (s status) FormerDays() int {
	if p := s.carried(); p != nil {
		return p.FormerDays()
	}
	return 0
}

// pipelines are those of all lanes.
type pipelines struct {
	status
	app *app
}

// pipelines are the one lane's, or those of several.
func (a *app) pipelines() rest.Pipeline {
	if len(a.lanes) == 1 {
		return status{a.lanes[0]}
	}
	return pipelines{status{a.lanes[0]}, a}
}

// Of implements rest.Lanes. Of a lane that this process does not know it tells what is nobody's.
func (p pipelines) Of(id project.ID) rest.Pipeline {
	if lane := p.app.laneOf(id); lane != nil {
		return status{lane}
	}
	return status{&lane{app: p.app, log: noLog{}, reader: &reader{}}}
}

// Lanes implements rest.Lanes.
func (p pipelines) Lanes() []rest.LaneStatus {
	out := make([]rest.LaneStatus, 0, len(p.app.lanes))
	for _, l := range p.app.lanes {
		out = append(out, rest.NewLaneStatus(l.number, l.way.Load() != nil, l.reader.Watermark(), status{l}))
	}
	return out
}

// behindOf is how far what can be seen of a project is behind.
func (a *app) behindOf(p store.ProjectID) time.Duration {
	if lane := a.laneOf(uint32(p)); lane != nil {
		return status{lane}.behind()
	}
	return 0
}
