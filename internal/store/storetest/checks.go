package storetest

import (
	"flag"
	"fmt"
	"strconv"
)

// Checks has properties tried n times, and not rapid's 100, unless -rapid.checks says otherwise. It is for a TestMain whose
// properties each make a store of their own: a gate that takes too long is not run.
func Checks(n int) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == checksFlag })
	if said {
		return
	}
	if err := flag.Set(checksFlag, strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

const checksFlag = "rapid.checks"

// share is one in so many of the times that properties are tried, and least at any rate: it is how many of its histories, which
// follow from their number, a test of the suite goes through.
func share(in, least int) int {
	f := flag.Lookup(checksFlag)
	if f == nil {
		return least
	}
	n, err := strconv.Atoi(f.Value.String())
	if err != nil {
		panic(fmt.Errorf("-%s: %w", checksFlag, err))
	}
	return max(least, n/in)
}
