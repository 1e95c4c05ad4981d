package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// operateInputs are files to import and settings to start with.
func operateInputs() []input {
	imported := func(id, what, answer, content string) input {
		return input{id: id, what: what, answer: answer, try: func(c *catalogue) string { return c.importFile(content) }}
	}
	started := func(id, what, answer, settings string) input {
		return input{id: id, what: what, answer: answer, try: func(c *catalogue) string { return c.startWith(settings) }}
	}
	const header = "event,user_id,time,id\n"
	row := func(id string) string { return "imported,u,2026-01-01," + id + "\n" }
	return []input{
		imported("F03", "CSV with a byte order mark and ends of lines of both kinds", "2 rows: 2 accepted, 0 rejected, 0 unreadable",
			"\ufeff"+strings.ReplaceAll(header, "\n", "\r\n")+row("f03-1")+row("f03-2")),
		imported("F03", "CSV with a row of two columns", "2 rows: 1 accepted, 0 rejected, 1 unreadable", header+"imported,u\n"+row("f03-3")),
		imported("F03", "CSV with a quote that does not end", "2 rows: 1 accepted, 0 rejected, 1 unreadable", header+row("f03-4")+"imported,\"u,2026-01-01,f03-5\n"),
		imported("F03", "CSV with NUL in a value", "2 rows: 1 accepted, 1 rejected, 0 unreadable", header+"imported,a\x00b,2026-01-01,f03-6\n"+row("f03-7")),
		imported("F03", "a line of 20 MB", "2 rows: 1 accepted, 1 rejected, 0 unreadable", header+"imported,"+strings.Repeat("u", 20<<20)+",2026-01-01,f03-8\n"+row("f03-9")),
		imported("F03", "a file without a row", "0 rows: 0 accepted, 0 rejected, 0 unreadable", header),
		{id: "F04", what: "the same file twice", answer: once, try: func(c *catalogue) string {
			for range 2 {
				if got := c.importFile(header + "repeat-f04,u,2026-01-01,f04-1\n"); got != "1 rows: 1 accepted, 0 rejected, 0 unreadable" {
					return got
				}
			}
			c.waitIdle()
			if n := len(c.export("event=repeat-f04")); n != 1 {
				return fmt.Sprintf("stored %d times", n)
			}
			return once
		}},
		eventInput("F05", "an event of two years ago", accepted, `{"event":"e","user_id":"u","timestamp":"2024-01-01T00:00:00Z"}`),

		{id: "C01", what: "an empty file of settings, or section of one", answer: "those that are usual", try: func(c *catalogue) string {
			usual, _, code := c.cli("", "config", "--json")
			for _, settings := range []string{"", "\n# nothing\n", "limits:\n"} {
				got, errs, failed := c.cli("", "config", "--json", "--config", c.file("empty.yaml", settings))
				if code+failed != 0 || got != usual {
					return fmt.Sprintf("%d %s%s", failed, got, errs)
				}
			}
			return "those that are usual"
		}},
		started("C03", "an unknown setting", "it does not start: `limits.frobnicate: there is no such key`, with file and line", "limits:\n  frobnicate: 1\n"),
		started("C03", "a duration without a unit", "it does not start: `drain_timeout: \"10\" is no duration`, with file and line", "\ndrain_timeout: 10\n"),
		started("C03", "a setting twice", "it does not start: `listen: is given twice`, with file and line", "listen: :1\nlisten: :2\n"),
		started("C03", "a size below what may be", "it does not start: `limits.max_body: is`, with file and line", "limits:\n  max_body: 1B\n"),
		shown("C04", "a second server on a folder", "it takes over, and nobody is refused", "TestUpgrade"),
		shown("C04", "a second server on a folder whose owner does not answer", "it ends, and says so", "TestFolderInUse"),
		shown("C05", "a log of a later version", "it does not start, and nothing is cut off", "TestNewerBlocks"),
		shown("C05", "a store of a later version", "it is not opened, and not made anew", "TestNewerFormatIsRefused"),
		shown("C05", "a control plane of a later version", "it does not start", "TestNewerSchemaIsRefused"),
		shown("C05", "an archive of a later version", "it is not read", "TestNewerManifest"),
		shown("C05", "a backup of a later version", "it is not restored", "TestNewerSnapshot"),
		shown("C06", "a folder whose disk is not mounted", "it does not start with `require_data`", "TestRequireData"),
		shown("C06", "an empty folder beside the archive of another server", "it does not start", "TestRecoverFromArchive"),
		shown("C07", "the clock of the server goes back and forth, by less than `dedup.window`", "each event is stored once", "TestClockSteps"),
	}
}

func (c *catalogue) file(name, content string) string {
	path := filepath.Join(c.t.TempDir(), name)
	if err := os.WriteFile(path, text(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// importFile imports CSV and tells how many rows were what.
func (c *catalogue) importFile(content string) string {
	stdout, stderr, code := c.cli(c.write, "import", c.file("rows.csv", content))
	rows, rest, found := strings.Cut(stdout, " rows in ")
	_, counts, _ := strings.Cut(rest, ": ")
	counts, _, skipped := strings.Cut(counts, ", 0 skipped")
	if code != 0 || !found || !skipped {
		return fmt.Sprintf("%d %s%s", code, stdout, tail(stderr, 500))
	}
	return rows + " rows: " + counts
}

// startWith tells how a server ends that is started with a file of settings.
func (c *catalogue) startWith(settings string) string {
	file := c.file("settings.yaml", settings)
	ctx, cancel := context.WithTimeout(c.t.Context(), soon)
	defer cancel()
	dir := filepath.Join(c.t.TempDir(), "data")
	out, _ := exec.CommandContext(ctx, os.Getenv(binaryVariable), "serve", "--config", file, "--data", dir).CombinedOutput()
	if entries, err := os.ReadDir(dir); err == nil {
		return fmt.Sprintf("it has made %v", entries)
	}
	_, problem, found := strings.Cut(string(out), "cannot be used:\n  ")
	line := 1 + strings.Count(strings.TrimRight(settings, "\n"), "\n")
	if !found || !strings.Contains(problem, fmt.Sprintf("(%s:%d)", file, line)) {
		return string(out)
	}
	for _, until := range []string{" (", " such as", " 1"} {
		problem, _, _ = strings.Cut(problem, until)
	}
	return "it does not start: `" + problem + "`, with file and line"
}
