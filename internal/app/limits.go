package app

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/project"
)

// Limits implements rest.Operator. What is said of a setting is what its documentation says.
func (o *operator) Limits(ctx context.Context, p project.ID) ([]rest.Limit, error) {
	c := o.app.Config
	now, err := gather(o.app.registry)
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	for _, f := range config.Fields() {
		docs[f.Key] = f.Doc
	}
	set := func(name, key, unit, scope string, value float64) rest.Limit {
		l := rest.Limit{Name: name, What: docs[key], Unit: unit, Scope: scope, Key: key, Value: &value}
		if value == 0 {
			l.Value = nil
		}
		return l
	}
	weight := 1.0
	if w, given := c.Limits.Shares()[p]; given {
		weight = w
	}
	rate := set("project_rate", "limits.project_rate", "per_second", "project", float64(c.Limits.ProjectRate))
	if own := float64(o.app.projects.EventsPerSecond(p)); own > 0 {
		rate.Value, rate.Key = &own, "events_per_second"
	}
	month := rest.Limit{Name: "project_quota", What: "Events that the project may store in a month of UTC.", Unit: "count", Scope: "project", Key: "events_per_month"}
	if of, ok := o.app.projects.Project(p); ok && of.EventsPerMonth > 0 {
		value := float64(of.EventsPerMonth)
		month.Value = &value
		if lane := o.app.laneOf(p); lane != nil {
			// Limits are told while the store is away, too.
			if stored, err := storedIn(ctx, lane.reader, p, project.MonthOf(time.Now())); err == nil {
				used := float64(stored)
				month.Used = &used
			}
		}
	}
	fixed := ingest.DefaultLimits()
	properties, name := float64(fixed.Properties), float64(fixed.Name)
	inFlight := set("in_flight_bytes", "limits.max_in_flight", "bytes", "server", float64(c.Limits.MaxInFlight))
	held := now.values["freshet_ingest_in_flight_bytes"]
	inFlight.Used = &held
	return []rest.Limit{
		set("body_bytes", "limits.max_body", "bytes", "request", float64(c.Limits.MaxBody)),
		set("batch_events", "limits.max_batch", "count", "request", float64(c.Limits.MaxBatch)),
		set("event_bytes", "limits.max_event", "bytes", "request", float64(c.Limits.MaxEvent)),
		set("event_depth", "limits.max_depth", "count", "request", float64(c.Limits.MaxDepth)),
		{Name: "event_properties", What: "Most properties of an event.", Unit: "count", Scope: "request", Value: &properties},
		{Name: "name_bytes", What: "Longest name of an event.", Unit: "bytes", Scope: "request", Value: &name},
		rate,
		month,
		set("device_rate", "limits.device_rate", "per_second", "project", float64(c.Limits.DeviceRate)),
		set("weight", "limits.weights", "count", "project", weight),
		set("dedup_seconds", "dedup.window", "seconds", "server", c.Dedup.Window.Seconds()),
		inFlight,
		set("connections", "limits.max_connections", "count", "server", float64(c.Limits.MaxConnections)),
		set("store_memory_bytes", "store.memory_limit", "bytes", "server", float64(c.Store.MemoryLimit)),
	}, nil
}
