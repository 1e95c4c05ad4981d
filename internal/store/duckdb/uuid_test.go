package duckdb

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// spellings of ids, as they have to come back.
var spellings = []string{
	"", "u-17", "e3e70682-c209-4cac-a29f-6fbed82c07cd", "E3E70682-C209-4CAC-A29F-6FBED82C07CD", "e3e70682-c209-4CAC-a29f-6fbed82c07cd",
	"e3e70682c2094caca29f6fbed82c07cd", "{e3e70682-c209-4cac-a29f-6fbed82c07cd}", "00000000-0000-0000-0000-000000000000",
	"12345678-1234-1234-1234-123456789012", "ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "ünï",
}

// addSpelled adds an event for each spelling and column of ids, from the position on.
func addSpelled(t *testing.T, s *Store, from int) {
	t.Helper()
	for i, id := range spellings {
		e := event.Event{ID: id, UserID: id, AnonymousID: id, SessionID: id}
		e.Context.DeviceID = id
		e.Derived = event.Derived{Position: uint64(from + i), Time: int64(from) * 1e6, Person: uint64(i % 3)}
		e.Derived.Key, _ = event.KeyOf(id)
		s.Add(1, time.UTC, "native", &e)
	}
	if err := s.Commit(context.Background(), eventlog.Position(from+len(spellings))); err != nil {
		t.Fatal(err)
	}
}

// texts are the values of a column, absent ones empty, by position from the one given.
func texts(t *testing.T, s *Store, column string, from int) (out []string) {
	t.Helper()
	c, err := s.Cut(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for row, err := range c.Rows(context.Background(), "SELECT coalesce("+column+", '') FROM "+c.Events("seq", column)+
		" WHERE seq >= ? ORDER BY seq", from) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row[0].(string))
	}
	return out
}

func checkSpelled(t *testing.T, s *Store, from int) {
	t.Helper()
	for _, column := range []string{"user_id", "anonymous_id", "device_id", "session_id"} {
		if got := texts(t, s, column, from); !slices.Equal(got, spellings) {
			t.Fatalf("%s: %q, want %q", column, got, spellings)
		}
	}
	for i, got := range texts(t, s, "id_text", from) {
		want := spellings[i]
		if _, isKey := event.KeyOf(want); isKey {
			want = ""
		}
		if got != want {
			t.Fatalf("id_text: %q, want %q", got, want)
		}
	}
}

// TestIDsKeepTheirSpelling in memory, on disk and in a day that is rewritten, while UUIDs are 16 bytes there.
func TestIDsKeepTheirSpelling(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	addSpelled(t, s, 0)
	checkSpelled(t, s, 0)
	flushed(t, s)
	checkSpelled(t, s, 0)
	var lower, capitals, others int
	if err := s.db.QueryRow("SELECT count(anonymous_id_lower), count(anonymous_id_capitals), count(anonymous_id) FROM store.events_1").
		Scan(&lower, &capitals, &others); err != nil {
		t.Fatal(err)
	}
	if lower != 4 || capitals != 2 || others != 5 {
		t.Fatalf("%d in lower case, %d in capitals, %d others", lower, capitals, others)
	}
	for range 4 {
		fill(t, s, int(s.Watermark().Position), 10)
		flushed(t, s)
	}
	if err := s.compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, s, "anonymous_id", 0)[:len(spellings)]; !slices.Equal(got, spellings) {
		t.Fatalf("rewritten: %q", got)
	}
}

// TestFileOfFormat2 opens a file that the binary before format 3 has written, with 60 events of six devices, and goes on.
func TestFileOfFormat2(t *testing.T) {
	dir := t.TempDir()
	unpack(t, "format2.duckdb.gz", filepath.Join(dir, "store.duckdb"))
	s := open(t, dir)
	check := func() {
		t.Helper()
		want := texts(t, s, "anonymous_id", 0)[:6]
		if want[0] != "e3e70682-c209-4cac-a29f-6fbed82c07cd" || want[1] != "CD613E30-D8F1-4ADF-91B7-584A2265B1F5" || want[2] != "install-2" {
			t.Fatalf("ids %q", want)
		}
		for i, extra := range texts(t, s, "extra", 0)[:60] {
			session := string(rune('0' + i/10))
			if extra != `{"device_id":"dev-`+want[i%6]+`","session_id":"s-`+session+`"}` {
				t.Fatalf("event %d has %s", i, extra)
			}
		}
	}
	check()
	addSpelled(t, s, 60)
	checkSpelled(t, s, 60)
	flushed(t, s)
	check()
	checkSpelled(t, s, 60)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	check()
	checkSpelled(t, s, 60)
}

func unpack(t *testing.T, name, to string) {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
