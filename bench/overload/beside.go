package main

import (
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/bench"
)

// askEvery is the pause between two calls of a kind. The questions, 20 a second, take an eighth of a core beside a flood.
const askEvery = 50 * time.Millisecond

// printBeside shows what an operator and a reader had of the server in each step.
func printBeside(alone bench.Beside, steps []step) {
	fmt.Println("\nBeside it, one after the other: the ledger of a day, a change of a project's settings, a question about the last hour of the project that floods. p50 and p99 in ms; how many failed, of how many.")
	fmt.Println("\n| load | ledger | failed | change of a setting | failed | question | failed |")
	fmt.Println("|---|---|---|---|---|---|---|")
	row := func(name string, b bench.Beside) {
		fmt.Printf("| %s |", name)
		for _, a := range []bench.Asked{b.Ledger, b.Change, b.Question} {
			fmt.Printf(" %.0f, %.0f | %d of %d |", a.Took.P50, a.Took.P99, a.Failed, a.Calls)
		}
		fmt.Println()
	}
	row("none", alone)
	for _, s := range steps {
		row(s.name, s.beside)
	}
}
