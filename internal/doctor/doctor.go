// Package doctor looks at the machine and the configuration as a server would find them, and explains what is wrong.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/config"
)

// Status is how a check ended.
type Status string

// The outcomes of a check. Warn is what will work but badly.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is one thing looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	// Advice says what it means and what to do; empty when all is well.
	Advice string `json:"advice,omitempty"`
}

// Look looks at the log, the control plane or the store from outside and changes nothing: what it is, what is bad about it although it
// works, and why it does not.
type Look func(ctx context.Context) (found, advice string, err error)

// Places are what may be elsewhere.
type Places struct{ Log, Control, Store, Cache Look }

// Run makes all checks. version is that of the binary.
func Run(ctx context.Context, c config.Config, version string, places Places) []Check {
	folder := dataFolder(c.Data)
	checks := []Check{
		{Name: "version", Status: OK, Found: fmt.Sprintf("%s, %s, %s/%s, %d cores", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())},
		folder,
	}
	if folder.Status != Fail {
		place := existing(c.Data)
		checks = append(checks, diskSpace(place), fsync(place))
	}
	return append(checks, elsewhere(ctx, "log", places.Log), elsewhere(ctx, "control plane", places.Control), elsewhere(ctx, "store", places.Store), elsewhere(ctx, "cache", places.Cache), archive(c, time.Now()), memory(int64(c.Store.MemoryLimit)), openFiles(), clock(time.Now()), port(ctx, c.Listen), geo(c.GeoFile))
}

// existing is the folder, or the nearest one above it that exists.
func existing(dir string) string {
	dir, err := filepath.Abs(dir)
	for err == nil {
		if info, serr := os.Stat(dir); serr == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return "."
}

func dataFolder(dir string) Check {
	c := Check{Name: "data folder", Status: OK, Found: dir}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Found += " does not exist yet"
		dir = existing(dir)
	case err != nil:
		c.Status, c.Found, c.Advice = Fail, err.Error(), "The server needs a folder of its own; see the setting data."
		return c
	case !info.IsDir():
		c.Status, c.Found, c.Advice = Fail, dir+" is no folder", "Name a folder with the setting data."
		return c
	case info.Mode().Perm()&0o007 != 0:
		c.Status, c.Found = Warn, fmt.Sprintf("%s can be read by every user of this machine (%s)", dir, info.Mode().Perm())
		c.Advice = "It holds personal data: chmod 700 " + dir
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return Check{Name: c.Name, Status: Fail, Found: err.Error(), Advice: "The user that runs the server must be able to write there: change the owner, or the setting data."}
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		c.Status, c.Advice = Fail, err.Error()
	}
	return c
}

// elsewhere is what may be on another machine.
func elsewhere(ctx context.Context, name string, look Look) Check {
	c := Check{Name: name, Status: OK}
	found, advice, err := look(ctx)
	switch {
	case err != nil:
		c.Status, c.Found, c.Advice = Fail, err.Error(), advice
	case advice != "":
		c.Status, c.Found, c.Advice = Warn, found, advice
	default:
		c.Found = found
	}
	return c
}

func diskSpace(dir string) Check {
	c := Check{Name: "disk space", Status: OK}
	free, total, err := space(dir)
	if err != nil {
		return Check{Name: c.Name, Status: Warn, Found: err.Error(), Advice: "The free space could not be told."}
	}
	c.Found = fmt.Sprintf("%.1f GB free of %.1f GB", float64(free)/1e9, float64(total)/1e9)
	const advice = "When the disk is full the server refuses events with 503 until there is space again. A million events take about 45 to 75 MB in the store, 25 MB of remembered ids, and 88 MB in the log until it is trimmed."
	switch {
	case free < 1e9:
		c.Status, c.Advice = Fail, advice
	case free < 10e9:
		c.Status, c.Advice = Warn, advice
	}
	return c
}

// fsync measures what every acknowledgement waits for.
func fsync(dir string) Check {
	c := Check{Name: "fsync", Status: OK}
	took, err := measureFsync(dir, 50)
	if err != nil {
		return Check{Name: c.Name, Status: Fail, Found: err.Error(), Advice: "Without fsync nothing can be acknowledged."}
	}
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	c.Found = fmt.Sprintf("4 KiB in %s, worst %s", median.Round(10*time.Microsecond), worst.Round(10*time.Microsecond))
	switch {
	case median > 20*time.Millisecond:
		c.Status, c.Advice = Warn, "Every acknowledgement waits for an fsync: this disk is slow, put the data folder on an SSD."
	case median < 20*time.Microsecond:
		c.Status, c.Advice = Warn, "This is faster than disks are: a file system in memory, or one that does not really sync, loses acknowledged events in a power failure."
	}
	return c
}

func measureFsync(dir string, n int) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 4096)
	for range n {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

func memory(limit int64) Check {
	c := Check{Name: "memory", Status: OK}
	available, total, err := memoryInfo()
	if err != nil {
		return Check{Name: c.Name, Status: OK, Found: "unknown on this system"}
	}
	// The rest of the server takes some 300 MB beside the column store.
	need := limit + 300e6
	c.Found = fmt.Sprintf("%.1f GB available of %.1f GB, the server may use %.1f GB", float64(available)/1e9, float64(total)/1e9, float64(need)/1e9)
	if available < need {
		c.Status, c.Advice = Warn, "Lower store.memory_limit, or the system may end the server when it is busy."
	}
	return c
}

// clock can only find gross errors by itself; the system knows whether it is synchronized.
func clock(now time.Time) Check {
	c := Check{Name: "clock", Status: OK, Found: now.UTC().Format(time.RFC3339)}
	if now.Year() < 2025 {
		c.Status, c.Advice = Fail, "The clock is years behind: events would be stored at the wrong time. Set it, and keep it with NTP."
		return c
	}
	if synchronized, known := clockSynchronized(); known && !synchronized {
		c.Status, c.Advice = Warn, "The system does not keep its clock by NTP (it may be kept from outside, as in a container). Times of receipt and the correction of devices' clocks depend on it."
	}
	return c
}

func port(ctx context.Context, address string) Check {
	c := Check{Name: "port", Status: OK, Found: address + " is free"}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		if err := l.Close(); err != nil {
			c.Status, c.Found = Warn, err.Error()
		}
		return c
	}
	c.Found = err.Error()
	if health(ctx, address) {
		c.Found = "a server answers on " + address
		c.Advice = "If it is Freshet on the same data folder, freshet serve takes its port over without a gap."
		return c
	}
	c.Status, c.Advice = Fail, "Another program has the port, or it may not be opened: change the setting listen."
	return c
}

func health(ctx context.Context, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "" {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

func geo(path string) Check {
	c := Check{Name: "geo file", Status: OK, Found: "none: events get no country"}
	if path == "" {
		return c
	}
	info, err := os.Stat(path)
	if err != nil {
		return Check{Name: c.Name, Status: Fail, Found: err.Error(), Advice: "Name an existing .mmdb file with geo_file, or none."}
	}
	c.Found = fmt.Sprintf("%s of %s", path, info.ModTime().Format(time.DateOnly))
	return c
}
