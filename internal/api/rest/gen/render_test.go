package main

import (
	"bytes"
	"os"
	"testing"
)

func TestWrittenFilesAreUpToDate(t *testing.T) {
	for _, file := range targets() {
		want, err := file.render()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file.path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the API says; run go generate ./internal/api/... (%v)", file.path, err)
		}
	}
}
