package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/store"
)

// TestDuplicatesAreBounded counts more SDKs than are told apart, in commits, flushes and lives of the store that are cut
// anywhere: the first ones are told apart all the same, and nothing is lost.
func TestDuplicatesAreBounded(t *testing.T) {
	const sdks, rounds = store.MaxSDKs + 20, 3
	dir := t.TempDir()
	s := openDuplicates(t, dir)
	at := eventlog.Position(0)
	for i := range sdks * rounds {
		s.CountDuplicate(1, 3600, store.SDK{Name: "sdk", Version: fmt.Sprint(i % sdks)})
		s.CountDuplicate(2, 3600, store.SDK{})
		s.Count(1, 3600, store.Counts{Accepted: 1, Duplicate: 1})
		s.Count(2, 3600, store.Counts{Accepted: 1, Duplicate: 1})
		at += 2
		if i%11 == 0 {
			if err := s.Commit(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		if i%31 == 0 {
			if err := s.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i == sdks {
			if err := s.Commit(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openDuplicates(t, dir)
		}
	}
	if err := s.Commit(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for range 2 {
		got, err := s.Duplicates(t.Context(), 1, 3600, 7200)
		if err != nil || len(got) != store.MaxSDKs+1 {
			t.Fatalf("%d SDKs, %v", len(got), err)
		}
		if got[0].SDK != store.OtherSDKs || got[0].Count != (sdks-store.MaxSDKs)*rounds {
			t.Errorf("%+v", got[0])
		}
		for _, d := range got[1:] {
			if d.Count != rounds || len(d.Version) == 2 && d.Version >= fmt.Sprint(store.MaxSDKs) {
				t.Errorf("%+v", d)
			}
		}
		if got, err := s.Duplicates(t.Context(), 2, 0, 1<<60); err != nil || !slices.Equal(got, []store.Duplicates{{Hour: 3600, Count: sdks * rounds}}) {
			t.Errorf("%+v %v", got, err)
		}
		if err := s.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Duplicates(t.Context(), 1, 7200, 1<<60); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

// TestDuplicatesOfBefore: what a binary counted that did not tell SDKs apart is told as such.
func TestDuplicatesOfBefore(t *testing.T) {
	s := openDuplicates(t, t.TempDir())
	defer func() { _ = s.Close() }()
	s.Count(1, 0, store.Counts{Accepted: 7, Duplicate: 7})
	s.CountDuplicate(1, 0, store.SDK{Name: strings.Repeat("ü", store.MaxSDKText)})
	if err := s.Commit(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	got, err := s.Duplicates(context.Background(), 1, 0, 1)
	want := []store.Duplicates{{SDK: store.UntoldSDKs, Count: 6}, {SDK: store.SDK{Name: strings.Repeat("ü", store.MaxSDKText/2)}, Count: 1}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v %v", got, err)
	}
}

func openDuplicates(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
