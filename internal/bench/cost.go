package bench

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Cost is what a server process has used.
type Cost struct {
	// CPU is user and system time in seconds, since the process began.
	CPU float64
	// RSS is the memory in use, Peak its maximum since the process began, in bytes; 0 when unknown.
	RSS, Peak int64
}

// ReadMetrics reads a server's cost from its Prometheus page.
func ReadMetrics(ctx context.Context, url string) (Cost, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Cost{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Cost{}, err
	}
	defer resp.Body.Close()
	var c Cost
	found := false
	s := bufio.NewScanner(resp.Body)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		name, value, _ := strings.Cut(s.Text(), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "process_cpu_seconds_total":
			c.CPU, found = v, true
		case "process_resident_memory_bytes":
			c.RSS = int64(v)
		}
	}
	if err := s.Err(); err != nil {
		return c, err
	}
	if !found {
		return c, fmt.Errorf("%s has no process_cpu_seconds_total", url)
	}
	return c, nil
}

// clockTicks is the unit of the times in /proc on every Linux there is.
const clockTicks = 100

// ReadProcess reads the cost of a process on this machine.
func ReadProcess(pid int) (Cost, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Cost{}, err
	}
	// The name in parentheses may hold anything; user and system time are the 12th and 13th fields after it.
	rest := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(rest) < 13 {
		return Cost{}, fmt.Errorf("/proc/%d/stat is cut short", pid)
	}
	var c Cost
	for _, ticks := range rest[11:13] {
		n, err := strconv.ParseFloat(ticks, 64)
		if err != nil {
			return c, err
		}
		c.CPU += n / clockTicks
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			c.Peak = kb << 10
		}
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			c.RSS = kb << 10
		}
	}
	return c, nil
}
