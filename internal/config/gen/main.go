// Command gen writes docs/config.md. It is run by go generate in internal/config.
package main

import (
	"fmt"
	"os"

	"github.com/freshet/freshet/internal/config"
)

func main() {
	err := os.WriteFile("../../docs/config.md", config.Markdown(), 0o644) //nolint:gosec // documentation is for everybody
	if err != nil {
		fmt.Fprintln(os.Stderr, "write docs/config.md:", err)
		os.Exit(1)
	}
}
