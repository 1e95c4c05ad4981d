// Command gen writes docs/query-reference.md and the dashboard's types out of the API's own OpenAPI document, so that both
// say what the server takes. It is run by go generate.
//
//go:generate go run .
package main

import (
	"fmt"
	"os"
)

// target is a file that is written here.
type target struct {
	path   string
	render func() ([]byte, error)
}

func targets() []target {
	return []target{
		{"../../../../docs/query-reference.md", render},
		{"../../../../web/src/lib/openapi.ts", types},
	}
}

func main() {
	for _, t := range targets() {
		page, err := t.render()
		if err == nil {
			err = os.WriteFile(t.path, page, 0o644) //nolint:gosec // documentation is for everybody
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "write "+t.path+":", err)
			os.Exit(1)
		}
	}
}
