package main

import (
	"bytes"
	"os"
	"testing"
)

func TestReferenceIsUpToDate(t *testing.T) {
	want, err := render()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(target)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatal("docs/query-reference.md is not what the API says; run go generate ./internal/api/...", err)
	}
}
