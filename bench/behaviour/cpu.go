package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// processes are those whose processor time is counted, beside this one, in which DuckDB is.
type processes []int

func parseProcesses(list string) (ps processes, err error) {
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("process %q: %w", text, err)
		}
		ps = append(ps, pid)
	}
	return ps, nil
}

// used is the processor time that the processes have used so far, in steps of 10 ms, as Linux counts.
func (ps processes) used() (sum time.Duration, err error) {
	for _, pid := range append(ps[:len(ps):len(ps)], os.Getpid()) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, fmt.Errorf("read the processor time: %w", err)
		}
		// The name, in brackets, may have anything in it. Behind it are the fields from the third on.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		for _, f := range fields[11:13] {
			ticks, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum, nil
}
