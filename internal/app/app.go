// Package app puts the rooms together: it chooses the adapters, opens them in the order of an event's path, runs them
// and stops them in the same order. It is the only package that knows an adapter by name; arch_test.go holds the rules
// of who may import whom.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/freshet/freshet/internal/api/rest"
	"github.com/freshet/freshet/internal/cache/redis"
	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/fault"
	"github.com/freshet/freshet/internal/lease"
	"github.com/freshet/freshet/internal/project"
	"github.com/freshet/freshet/internal/server"
	"github.com/freshet/freshet/internal/yield"
)

const (
	// hold is how long a request that comes before there is a handler waits: as long as a predecessor may take to
	// finish and to close the data folder.
	hold = 30 * time.Second
	// openTimeout bounds the wait for a predecessor that does not end.
	openTimeout = 2 * time.Minute
)

// Go's scheduler takes a turn away after 10 ms, and looks as seldom for what has come from the network, while there is other
// work for as many goroutines as may run at a time. A batch, a flush, the archive and the collector have such work for
// seconds. With a place for each of them the kernel shares the cores out far more finely, and an acknowledgement, or a
// refusal, passes by the work behind it. So procsPerCore goroutines may run at a time for each core, which is what grows with the
// cores, and procsBeside for the work of which there is one of a kind.
const (
	procsPerCore = 2
	procsBeside  = 6
)

// Options are what Run works with.
type Options struct {
	Config  config.Config
	Version string
	Logger  *slog.Logger
	// Out is where the operator reads addresses and, at the first start, keys. They are never logged.
	Out io.Writer
}

// app is a server that is running.
type app struct {
	Options
	// cores are those this process may use, by its affinity and its cgroup's quota.
	cores    int
	registry *prometheus.Registry
	tracing  *tracing
	server   *server.Server
	// lanes are the ways of events that there are, by number.
	lanes    []*lane
	projects *project.Service
	ballast  *ballast
	api      *rest.API
	// adminOpen tells that the admin port was opened, or tried.
	adminOpen bool
	// redis is what processes share answers and rates through; nil where they do not. results is the answers' part of it.
	redis   *redis.Client
	results *redis.Cache
	// shareRates runs what shares the rates of projects with other processes.
	shareRates func(context.Context)
	// leases is where it is kept which process stores events; nil where there can be only one.
	leases lease.Roll
	// share is this process's part in who works on which of several lanes; nil where there is one, or it works on none.
	share *lease.Share
	// questions are what flushes and the archive give way to.
	questions yield.Foreground
	started   time.Time
	address   string

	// work is what runs beside the server and ends before the pipeline does; stop ends it.
	work sync.WaitGroup
	stop context.CancelFunc
}

// Run serves until ctx ends or a successor takes over, and returns when everything is closed. The error of a data
// folder that is in use, or made by a newer version, says so.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.Config.Lanes = max(o.Config.Lanes, 1)
	if os.Getenv("GOGC") == "" {
		defer paceHeap(time.Now)()
	}
	a := &app{Options: o, cores: cores(), registry: prometheus.NewRegistry(), started: time.Now()}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := checkControl(o.Config); err != nil {
		return err
	}
	if err := checkCache(o.Config); err != nil {
		return err
	}
	for _, c := range laneConfigs(o.Config) {
		if err := errors.Join(checkStore(c), checkLog(c)); err != nil {
			return err
		}
	}
	if err := checkData(o.Config); err != nil {
		return err
	}
	if a.carries() {
		if err := checkArchive(ctx, o.Config, o.Logger); err != nil {
			return err
		}
	}
	var err error
	if a.tracing, err = newTracing(ctx, o.Config.Tracing, o.Version); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Config.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	a.server = server.New(server.Options{
		Logger: o.Logger, Registry: a.registry, Tracer: a.tracing.tracer("http"), Hold: hold,
		MaxConnections: o.Config.Limits.MaxConnections,
	})
	socket := filepath.Join(o.Config.Data, "handover.sock")
	listener, before, err := server.Listen(ctx, o.Config.Listen, socket)
	if err != nil {
		return err
	}
	a.address = localAddress(listener.Addr())
	if err := a.server.Start(ctx, listener, before); err != nil {
		return errors.Join(err, listener.Close())
	}
	handler, err := a.open(ctx, before)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		o.Logger.Info("stopping before everything was there")
		return a.close(ctx, nil)
	}
	if err != nil {
		return errors.Join(err, a.close(ctx, nil))
	}
	// Whoever is told that this server is ready may start its successor at once, which must find the socket.
	handover, err := server.ServeHandover(socket, o.Config.Listen, listener, cancel)
	if err != nil {
		return errors.Join(err, a.close(ctx, nil))
	}
	a.server.SetHandler(handler)
	a.begin(ctx)
	select {
	case <-ctx.Done():
		o.Logger.Info("stopping", "handover", handover.Asked())
	case <-a.server.Failed():
		err = a.server.Err()
	case <-a.replaced():
		err = errReplaced
		o.Logger.Error("stopping", "error", err)
	}
	return errors.Join(err, a.close(ctx, handover))
}

// cores finds how many cores the process may use and lets more goroutines than that run at a time, unless the operator has
// set the number.
func cores() int {
	if os.Getenv("GOMAXPROCS") != "" {
		return runtime.GOMAXPROCS(0)
	}
	runtime.SetDefaultGOMAXPROCS()
	n := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(procsPerCore*n + procsBeside)
	return n
}

// open opens what the first acknowledgement needs; the store recovers while events are accepted already. It returns
// what serves them.
func (a *app) open(ctx context.Context, before *server.Predecessor) (http.Handler, error) {
	wait, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := before.Wait(wait); err != nil {
		return nil, err
	}
	c := a.Config
	var err error
	a.openShared(ctx)
	if a.projects, err = a.openProjects(ctx); err != nil {
		return nil, err
	}
	a.ballast = newBallast(c.Data, int64(c.Disk.Ballast), a.Logger, a.registry)
	if err := a.openLanes(ctx); err != nil {
		return nil, err
	}
	if a.asks() {
		if err := a.followStores(ctx); err != nil {
			return nil, err
		}
	}
	handler, err := a.routes()
	if err != nil {
		return nil, err
	}
	a.startAdmin(ctx)
	if err := a.welcome(ctx); err != nil {
		return nil, err
	}
	return handler, nil
}

// startAdmin opens the admin port, if there is to be one and it is not open yet. A predecessor has closed its own by now. A port that
// something else uses is no reason to refuse events.
func (a *app) startAdmin(ctx context.Context) {
	if a.Config.AdminListen == "" || a.adminOpen {
		return
	}
	a.adminOpen = true
	addr, err := a.server.StartAdmin(ctx, a.Config.AdminListen)
	if err != nil {
		a.Logger.Error("no admin port", "error", err)
		return
	}
	a.Logger.Info("admin port open", "address", addr.String())
}

// begin starts what runs beside the server.
func (a *app) begin(ctx context.Context) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	if a.carries() && len(a.lanes) == 1 {
		a.lanes[0].way.Load().start(work, &a.work)
	}
	if a.share != nil {
		a.work.Go(func() { a.share.Run(work) })
	}
	for _, l := range a.lanes {
		if l.follows() {
			a.work.Go(func() { l.follow(work) })
		}
	}
	a.work.Go(func() { a.ballast.run(work) })
	a.work.Go(func() { a.shareRates(work) })
	if a.Config.Demo {
		a.work.Go(func() { a.sample(work) })
	}
	a.Logger.Info("serving", "address", a.Config.Listen, "data", a.Config.Data, "version", a.Version,
		"took_ms", time.Since(a.started).Milliseconds())
}

// close stops in the order of an event's path: no more requests, then what feeds and carries events, then the store,
// the log and the control plane. A successor is told when the folder is free.
func (a *app) close(ctx context.Context, handover *server.Handover) error {
	ctx = context.WithoutCancel(ctx)
	drain, cancel := context.WithTimeout(ctx, a.Config.DrainTimeout)
	defer cancel()
	if fault.Planted(fault.LogClosedFirst) && len(a.lanes) > 0 {
		_ = a.lanes[0].log.Close()
	}
	err := a.server.Drain(drain, handover)
	if errors.Is(err, context.DeadlineExceeded) {
		a.Logger.Warn("requests cut at the end of the drain", "timeout", a.Config.DrainTimeout)
		err = nil
	}
	if a.stop != nil {
		a.stop()
		a.work.Wait()
	}
	if a.api != nil {
		a.api.Close()
	}
	a.closeShared()
	err = errors.Join(err, a.closeLanes(ctx))
	if a.projects != nil {
		err = errors.Join(err, a.projects.Close())
	}
	flush, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	a.tracing.close(flush, a.Logger)
	return errors.Join(err, handover.Close())
}

// localAddress is how this machine reaches its own listener.
func localAddress(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "http://" + a.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// publicAddress is how a client that sent r reaches this server: the host and the scheme.
func (a *app) publicAddress(r *http.Request) (host, scheme string) {
	if u := a.Config.PublicURL; u != "" {
		return splitURL(u)
	}
	scheme = "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return r.Host, scheme
}
