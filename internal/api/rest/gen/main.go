// Command gen writes docs/query-reference.md out of the API's own OpenAPI document, so that the page says what the
// server takes. It is run by go generate.
//
//go:generate go run .
package main

import (
	"fmt"
	"os"
)

const target = "../../../../docs/query-reference.md"

func main() {
	page, err := render()
	if err == nil {
		err = os.WriteFile(target, page, 0o644) //nolint:gosec // documentation is for everybody
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "write the reference of questions:", err)
		os.Exit(1)
	}
}
