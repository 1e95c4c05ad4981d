package storetest

import (
	"flag"
	"strconv"
)

// Checks has properties tried n times, and not rapid's 100, unless -rapid.checks says otherwise. It is for a TestMain whose
// properties each make a store of their own: a gate that takes too long is not run.
func Checks(n int) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if said {
		return
	}
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}
