package app

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/store"
	"github.com/freshet/freshet/internal/store/duckdb"
)

// operationsFor is how long figures are given to everybody who asks: many who look are no more work than one.
const operationsFor = time.Second

// operator tells the API how the process is at work: by its own metrics, so that both say the same.
type operator struct {
	app *app
	// mu guards what follows.
	mu   sync.Mutex
	last rest.Operations
	at   time.Time
}

func newOperator(a *app) *operator { return &operator{app: a} }

// Operations implements rest.Operator.
func (o *operator) Operations(context.Context) (rest.Operations, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.at) < operationsFor {
		return o.last, nil
	}
	figures, err := gather(o.app.registry)
	if err != nil {
		return rest.Operations{}, err
	}
	o.last, o.at = figures.operations(), time.Now()
	o.addFolders()
	if a := o.app.archiveOf(); a != nil {
		o.last.Archive = &rest.OperationsArchive{Position: a.Position(), Lag: a.Lag()}
	}
	return o.last, nil
}

// Rows implements rest.Operator.
func (o *operator) Rows(ctx context.Context, p project.ID) (rows int64, err error) {
	hours, err := store.Of(o.app.readers(), store.ProjectID(p)).Ledger(ctx, store.ProjectID(p), 0, math.MaxInt64)
	for _, h := range hours {
		rows += h.Stored - h.Expired
	}
	return rows, err
}

// archiveOf is the one archive that there is; where there are several lanes each has one, whose metrics tell of it.
func (a *app) archiveOf() *archive.Archive {
	if len(a.lanes) != 1 || a.lanes[0].way.Load() == nil {
		return nil
	}
	return a.lanes[0].way.Load().archive
}

// addFolders adds what lies on the disk; mu is held.
func (o *operator) addFolders() {
	data := o.app.Config.Data
	o.last.LogBytes, o.last.DedupBytes = sizeOf(filepath.Join(data, "log")), sizeOf(filepath.Join(data, dedupFolder))
	if o.app.Config.Store.Address == "" {
		o.last.DuckDBVersion, o.last.StoreBytes = duckdb.EngineVersion(), duckdb.SizeOnDisk(data)
	}
	o.last.DiskFree, o.last.DiskTotal = diskSpace(data)
}

// sizeOf adds up the files of a folder. One that vanishes meanwhile has no size any more.
func sizeOf(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// figures are metrics by name, those with labels added up.
type figures struct {
	values     map[string]float64
	histograms map[string]rest.OperationsBuckets
}

func gather(from prometheus.Gatherer) (figures, error) {
	families, err := from.Gather()
	if err != nil {
		return figures{}, fmt.Errorf("gather the metrics: %w", err)
	}
	f := figures{map[string]float64{}, map[string]rest.OperationsBuckets{}}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			f.values[family.GetName()] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			h := m.GetHistogram()
			if h == nil {
				continue
			}
			sum := f.histograms[family.GetName()]
			sum.Count += h.GetSampleCount()
			sum.Sum += h.GetSampleSum()
			for i, b := range h.GetBucket() {
				if i == len(sum.Buckets) {
					sum.Buckets = append(sum.Buckets, rest.OperationsBucket{Seconds: b.GetUpperBound()})
				}
				sum.Buckets[i].Count += b.GetCumulativeCount()
			}
			f.histograms[family.GetName()] = sum
		}
	}
	return f, nil
}

func (f figures) operations() rest.Operations {
	v := f.values
	o := rest.Operations{
		GoVersion: runtime.Version(),
		Accepted:  v["freshet_ingest_accepted_events_total"], Refused: v["freshet_ingest_refused_requests_total"], BodyBytes: v["freshet_ingest_body_bytes_total"],
		Stored: v["freshet_process_stored_total"], Duplicates: v["freshet_process_duplicates_total"], DeadLettered: v["freshet_process_dead_letters_total"],
		Acks: f.histograms["freshet_ingest_ack_seconds"], Questions: f.histograms["freshet_query_seconds"],
		Running: v["freshet_query_running"], Waiting: v["freshet_query_waiting"], Streams: v["freshet_live_streams"],
		CPUSeconds: v["process_cpu_seconds_total"], ResidentBytes: v["process_resident_memory_bytes"],
	}
	for _, b := range []*rest.OperationsBuckets{&o.Acks, &o.Questions} {
		if b.Buckets == nil {
			b.Buckets = []rest.OperationsBucket{}
		}
	}
	return o
}
