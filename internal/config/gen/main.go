// Command gen writes docs/config.md. It is run by go generate in internal/config.
package main

import (
	"fmt"
	"os"

	"github.com/freshet/freshet/internal/config"
)

func main() {
	if err := os.WriteFile("../../docs/config.md", config.Markdown(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "write docs/config.md:", err)
		os.Exit(1)
	}
}
