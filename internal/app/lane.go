package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/store/clickhouse"
)

// laneFolder is where the lanes behind the first have their folders: in the data folder, in that of the archive, and in its bucket.
const laneFolder = "lanes"

// lane is a complete way from the log to the store, which some of the projects' events go: a log, a store and what is kept for them.
// Most installations have one.
type lane struct {
	*app
	number int
	// Config is the app's with the places of this lane.
	Config config.Config
	// Logger and registry tell of which lane something is, where there are several.
	Logger   *slog.Logger
	registry prometheus.Registerer
	log      eventLog
	reader   *reader
	// followed is the store while another process writes to it.
	followed *clickhouse.Store
	// way is what this process does for the lane's events; nil while it does not store them.
	way atomic.Pointer[way]
}

func newLane(a *app, number int) *lane {
	l := &lane{
		app: a, number: number, Config: LaneConfig(a.Config, number), Logger: a.Logger, registry: a.registry, log: noLog{}, reader: &reader{},
	}
	if a.Config.Lanes > 1 {
		l.Logger = a.Logger.With("lane", number)
		l.registry = prometheus.WrapRegistererWith(prometheus.Labels{"lane": strconv.Itoa(number)}, a.registry)
	}
	return l
}

// LaneConfig is the configuration with the places of one lane: those of an installation that has only that one. The first has the places
// that are named.
func LaneConfig(c config.Config, number int) config.Config {
	if number == 0 {
		return c
	}
	n := strconv.Itoa(number)
	c.Data = filepath.Join(c.Data, laneFolder, n)
	if c.Log.Address != "" {
		c.Log.Address += map[bool]string{true: "&", false: "?"}[strings.Contains(c.Log.Address, "?")] + "partition=" + n
	}
	if u, err := url.Parse(c.Store.Address); err == nil && c.Store.Address != "" {
		u.Path += "_" + n
		c.Store.Address = u.String()
	}
	if c.Archive.Folder != "" {
		c.Archive.Folder = filepath.Join(c.Archive.Folder, laneFolder, n)
	}
	if u, err := url.Parse(c.Archive.Bucket); err == nil && c.Archive.Bucket != "" {
		u.Path = path.Join("/", u.Path, laneFolder, n)
		c.Archive.Bucket = u.String()
	}
	return c
}

// laneConfigs are those of all lanes.
func laneConfigs(c config.Config) []config.Config {
	out := make([]config.Config, max(c.Lanes, 1))
	for k := range out {
		out[k] = LaneConfig(c, k)
	}
	return out
}

// probeLanes looks at each lane, up to one that something is wrong with.
func probeLanes(
	ctx context.Context, c config.Config, probe func(context.Context, config.Config) (found, advice string, err error),
) (found, advice string, err error) {
	if c.Lanes <= 1 {
		return probe(ctx, c)
	}
	var all []string
	for k, lane := range laneConfigs(c) {
		f, a, err := probe(ctx, lane)
		if err != nil {
			return "", a, fmt.Errorf("lane %d: %w", k, err)
		}
		all, advice = append(all, fmt.Sprintf("lane %d: %s", k, f)), cmp.Or(advice, a)
	}
	return strings.Join(all, "; "), advice, nil
}

// openLanes opens what events go through, as far as this process is their way.
func (a *app) openLanes(ctx context.Context) error {
	for _, p := range a.projects.Projects() {
		if p.Lane >= a.Config.Lanes {
			return fmt.Errorf("project %d (%s) is on lane %d, and lanes is %d: a project stays on its lane; set lanes to what the other processes have, at least %d",
				p.ID, p.Name, p.Lane, a.Config.Lanes, p.Lane+1)
		}
	}
	for k := range a.Config.Lanes {
		l := newLane(a, k)
		a.lanes = append(a.lanes, l)
		if !a.carries() && !a.takes() {
			continue
		}
		if err := os.MkdirAll(l.Config.Data, 0o700); err != nil {
			return fmt.Errorf("make the folder of a lane: %w", err)
		}
		log, err := l.openLog(ctx)
		if err != nil {
			return err
		}
		l.log = log
	}
	if !a.carries() {
		return nil
	}
	if len(a.lanes) > 1 {
		share, err := a.laneShare()
		a.share = share
		return err
	}
	w := &way{lane: a.lanes[0], registry: a.lanes[0].registry}
	w.way.Store(w) // so that it is closed, however far it comes
	if err := w.standBy(ctx); err != nil {
		return err
	}
	return w.open(ctx)
}

// laneOf is the one that a project's events go. One that this process does not know is nil: another one has been told of more.
func (a *app) laneOf(project uint32) *lane {
	n, _ := a.projects.Lane(project)
	if n >= len(a.lanes) {
		return nil
	}
	return a.lanes[n]
}

// unknownLane is the error of a project whose lane this process does not know.
func unknownLane() error {
	e := event.Errorf(event.Unavailable, "lane_unknown", "the project is on a lane that this process was not told of: the setting lanes is smaller here than elsewhere")
	e.Wait = time.Minute
	return e
}

// closeLanes ends what is left of all lanes when nobody works on them any more.
func (a *app) closeLanes(ctx context.Context) (err error) {
	for _, l := range a.lanes {
		err = errors.Join(err, l.closeFollowed())
		if w := l.way.Load(); w != nil {
			err = errors.Join(err, w.close())
			w.endLease(ctx)
		}
		err = errors.Join(err, l.log.Close())
	}
	return err
}
