package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/freshet/freshet/internal/bench"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/eventlog/disk"
)

type referenceCmd struct {
	Kind   string `arg:"" enum:"parse,log" help:"parse reads and parses the bodies; log also appends them to an event log with group fsync."`
	Listen string `default:"127.0.0.1:8090" help:"Address to serve."`
	Dir    string `type:"path" placeholder:"DIR" help:"Folder for the log; default a temporary one, removed at the end."`
}

// Help implements kong.HelpProvider.
func (referenceCmd) Help() string {
	return `Serves POST /v1/batch and /v1/track without keys, checks or storage. Put beside the real server's figures, the load's
figures for it tell how much of the cost is the machine's and how much the server's.

  freshet bench reference log &
  freshet bench --url http://127.0.0.1:8090 --key none --pid $!`
}

func (c *referenceCmd) Run(ctx context.Context, s streams) (err error) {
	var log eventlog.Log
	if c.Kind == "log" {
		dir := c.Dir
		if dir == "" {
			if dir, err = os.MkdirTemp(".", "reference-log-"); err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
		}
		l, err2 := disk.Open(disk.Options{Dir: dir})
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		log = l
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: bench.Reference(log), ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintf(s.out, "http://%s\n", l.Addr())
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// reference measures one of the references in a process of its own, so that its cost can be told from the load's.
func (c *benchRunCmd) reference(ctx context.Context, s streams, kind string) (*report, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "reference", kind, "--listen", "127.0.0.1:0") //nolint:gosec // this binary itself
	cmd.Stderr = s.err
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, cmd.Wait())
	}
	one := *c
	one.URL, one.Key, one.Pid, one.ReadKey = strings.TrimSpace(address), "none", cmd.Process.Pid, ""
	r, err := one.measure(ctx, s)
	return r, errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
}
