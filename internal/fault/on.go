//go:build fault

package fault

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// The environment of a laboratory's process.
const (
	// hitVariable is a step, what happens there, and at which pass: "log.sync=kill@3", "log.write=enospc@5-9".
	hitVariable = "FRESHET_FAULT"
	// plantedVariable is the name of a planted bug.
	plantedVariable = "FRESHET_PLANTED"
	// smallVariable makes bounds small when it is set.
	smallVariable = "FRESHET_SMALL"
)

// strike is what hitVariable says; passes counts how often its step was reached.
type strike struct {
	step     Step
	kill     bool
	err      error
	from, to int64
	passes   *atomic.Int64
}

// A process has one environment, which never changes while it runs.
var (
	chosen  = parse(os.Getenv(hitVariable))
	planted = Bug(os.Getenv(plantedVariable))
	small   = os.Getenv(smallVariable) != ""
)

// parse ends the process when it does not understand: a laboratory that strikes nowhere would find nothing.
func parse(s string) strike {
	if s == "" {
		return strike{}
	}
	step, rest, _ := strings.Cut(s, "=")
	what, passes, _ := strings.Cut(rest, "@")
	first, last, several := strings.Cut(passes, "-")
	c := strike{step: Step(step), passes: new(atomic.Int64)}
	var err, err2 error
	c.from, err = strconv.ParseInt(first, 10, 64)
	if c.to = c.from; several {
		c.to, err2 = strconv.ParseInt(last, 10, 64)
	}
	switch what {
	case "kill":
		c.kill = true
	case "eio":
		c.err = syscall.EIO
	case "enospc":
		c.err = syscall.ENOSPC
	default:
		err = fmt.Errorf("%q is none of kill, eio, enospc", what)
	}
	if err != nil || err2 != nil {
		fmt.Fprintf(os.Stderr, "%s=%s: %v %v\n", hitVariable, s, err, err2)
		os.Exit(2)
	}
	return c
}

// Hit tells that a step is reached. The error is one that the step must take for its own.
func Hit(s Step) error {
	if s != chosen.step {
		return nil
	}
	if n := chosen.passes.Add(1); n < chosen.from || n > chosen.to {
		return nil
	}
	if chosen.kill {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing more happens on this path, not even until the signal arrives
	}
	return chosen.err
}

// Planted tells whether the bug is to be there.
func Planted(b Bug) bool { return b == planted }

// Small tells whether what happens for many rows only is to happen for few.
func Small() bool { return small }
