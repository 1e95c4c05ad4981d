package attempt

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/eventlog"
)

func open(t *testing.T, folder string, others ...string) *Attempts {
	t.Helper()
	a, err := Open(folder, others...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// die ends a life without a word.
func die(t *testing.T, a *Attempts) {
	t.Helper()
	if err := a.file.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestEventThatKills: after a life ended in a record its events are noted one by one, and the event at hand when the
// third ends is condemned for good, it alone.
func TestEventThatKills(t *testing.T) {
	folder := t.TempDir()
	for life := range tries {
		a := open(t, folder)
		a.Record(7)
		each, alone := a.Record(10)
		if each != (life > 0) || alone {
			t.Fatalf("life %d: each %v, alone %v", life, each, alone)
		}
		if each {
			a.Event(10, 11)
			a.Event(10, 12)
		}
		if a.Condemned(12) != "" {
			t.Fatalf("condemned in life %d", life)
		}
		die(t, a)
	}
	for range 2 {
		a := open(t, folder)
		if a.Condemned(12) == "" || a.Condemned(11) != "" || a.Condemned(13) != "" {
			t.Fatalf("condemned %+v", a.state.Condemned)
		}
		if each, _ := a.Record(10); each {
			t.Error("the record is still suspected")
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if a := open(t, t.TempDir(), folder); a.Condemned(12) == "" {
		t.Error("another folder does not know")
	}
}

// TestRecordThatKillsItsCommit: after two lives the batch is taken apart, and the record whose commit goes on killing is condemned.
func TestRecordThatKillsItsCommit(t *testing.T) {
	folder := t.TempDir()
	var a *Attempts
	for life, to := range []int{30, 20} {
		a = open(t, folder)
		a.Record(0)
		if _, alone := a.Record(5); alone {
			t.Fatalf("life %d: a record is committed alone", life)
		}
		a.Commit(0, pos(to))
		die(t, a)
	}
	for range tries {
		a = open(t, folder)
		for at := range 5 {
			if _, alone := a.Record(5); !alone || a.Condemned(5) != "" {
				t.Fatalf("record %d of the batch is not committed alone: %+v", at, a.state)
			}
		}
		a.Commit(5, 8)
		die(t, a)
	}
	a = open(t, folder)
	for at, want := range map[int]bool{4: false, 5: true, 7: true, 8: false} {
		if got := a.Condemned(pos(at)) != ""; got != want {
			t.Errorf("position %d: condemned %v", at, got)
		}
	}
	if _, alone := a.Record(20); alone {
		t.Error("what is behind the batch is committed alone")
	}
	die(t, a)
}

// TestDeathsByChance: lives that end here and there, or in order, condemn nobody.
func TestDeathsByChance(t *testing.T) {
	folder := t.TempDir()
	for life := range 10 {
		a := open(t, folder)
		a.Record(pos(life / 2))
		a.Event(pos(life/2), pos(life/2))
		die(t, a)
		a = open(t, folder)
		a.Record(50)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if a := open(t, folder); len(a.state.Condemned) != 0 {
		t.Errorf("%+v", a.state.Condemned)
	}
}

// TestKilledInCommits: a process that is killed again and again in its commits takes up each batch as it is, if one is made in between.
func TestKilledInCommits(t *testing.T) {
	folder := t.TempDir()
	for life := range 10 {
		a := open(t, folder)
		for at := 10 * life; at < 10*life+40; at += 5 {
			if each, alone := a.Record(pos(at)); each || alone {
				t.Fatalf("life %d: record %d is suspected: %+v", life, at, a.state)
			}
		}
		a.Commit(pos(10*life), pos(10*life+10))
		a.Commit(pos(10*life+10), pos(10*life+40))
		die(t, a)
	}
}

// TestUnreadableNotes: notes that mean nothing are no reason not to start, a folder that is not there is.
func TestUnreadableNotes(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{markFile: "abc", stateFile: "{"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := open(t, folder)
	if err := a.Condemn(3, "for a test"); err != nil || a.Condemned(3) != "for a test" {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(folder, "nowhere")); err == nil {
		t.Error("opened in no folder")
	}
}

func pos(n int) eventlog.Position { return eventlog.Position(n) }
