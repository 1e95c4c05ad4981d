package durable

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFileReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "position")
	// What a write that was broken off has left is no obstacle.
	if err := os.WriteFile(path+".new", []byte("a longer text that was never finished"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"12345\n", "7\n", ""} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%q, want %q: %v", got, content, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%v is left: %v", list, err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	gone := filepath.Join(t.TempDir(), "gone")
	if err := WriteFile(filepath.Join(gone, "file"), nil); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := SyncDir(gone); !os.IsNotExist(err) {
		t.Error(err)
	}
	// The old content stays when the new one cannot be written.
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new")); err == nil {
		t.Error("a folder was written to")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("%q: %v", got, err)
	}
}
