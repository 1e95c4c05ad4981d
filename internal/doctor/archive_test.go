package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/config"
)

func TestArchive(t *testing.T) {
	c := config.Default()
	c.Data = t.TempDir()
	now := time.Now()
	if got := archive(c, now); got.Status != OK || !strings.Contains(got.Found, "empty") {
		t.Errorf("a new folder: %+v", got)
	}
	manifests := filepath.Join(c.ArchiveFolder(), "manifest")
	if err := os.MkdirAll(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"00000000000000000000-00000000000000000100.json", "00000000000000000100-00000000000000000250.json"} {
		if err := os.WriteFile(filepath.Join(manifests, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := archive(c, now); got.Status != OK || !strings.Contains(got.Found, "2 batches, everything before position 250") {
		t.Errorf("an archive: %+v", got)
	}
	if err := os.WriteFile(filepath.Join(manifests, "what"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := archive(c, now); got.Status != Warn {
		t.Errorf("a stranger's file: %+v", got)
	}
	c.Archive.Folder = filepath.Join(c.Data, "file", "below")
	if err := os.WriteFile(filepath.Join(c.Data, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := archive(c, now); got.Status != Fail {
		t.Errorf("below a file: %+v", got)
	}
	c.Archive.Enabled = false
	if got := archive(c, now); got.Status != Warn || got.Advice == "" {
		t.Errorf("switched off: %+v", got)
	}
}
