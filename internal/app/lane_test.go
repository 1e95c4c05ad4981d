package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/config"
	"github.com/freshet/freshet/internal/eventlog"
)

// A lane has places of its own in everything that an installation has, and the first those that are named.
func TestLaneConfig(t *testing.T) {
	c := config.Default()
	c.Data, c.Lanes = "/data", 3
	c.Log.Address, c.Store.Address = "kafkas://u:p%2F@a,b:1/events", "clickhouses://u:p%2F@ch:9440/freshet?x=y"
	if got := LaneConfig(c, 0); got.Data != c.Data || got.Log != c.Log || got.Store != c.Store || got.Archive != c.Archive {
		t.Errorf("the first: %+v", got)
	}
	got := LaneConfig(c, 2)
	for what, is := range map[string][2]string{
		"data": {got.Data, filepath.FromSlash("/data/lanes/2")}, "log": {got.Log.Address, "kafkas://u:p%2F@a,b:1/events?partition=2"},
		"store": {got.Store.Address, "clickhouses://u:p%2F@ch:9440/freshet_2?x=y"}, "archive": {got.ArchiveFolder(), filepath.FromSlash("/data/lanes/2/archive")},
	} {
		if is[0] != is[1] {
			t.Errorf("%s is %s, want %s", what, is[0], is[1])
		}
	}
	c.Log.Address += "?sasl=plain"
	c.Archive.Folder = "/archive"
	if got = LaneConfig(c, 1); got.Log.Address != "kafkas://u:p%2F@a,b:1/events?sasl=plain&partition=1" || got.ArchiveFolder() != filepath.FromSlash("/archive/lanes/1") {
		t.Errorf("%+v", got)
	}
	for bucket, want := range map[string]string{
		"s3://b": "s3://b/lanes/1", "s3://b/folder/?region=x": "s3://b/folder/lanes/1?region=x", "gs://b/folder": "gs://b/folder/lanes/1",
	} {
		c.Archive.Folder, c.Archive.Bucket = "", bucket
		if got = LaneConfig(c, 1); got.Archive.Bucket != want {
			t.Errorf("%s is %s, want %s", bucket, got.Archive.Bucket, want)
		}
	}
}

// What a folder has noted while ClickHouse was away says nothing where the log is in Kafka: another process may have stored more since.
func TestUnaskedOfTopic(t *testing.T) {
	c := config.Default()
	c.Data, c.Store.Address = t.TempDir(), "clickhouse://ch:9000/freshet"
	end := eventlog.Position(7)
	if err := (&storeNote{Owner: "folder", Database: "freshet on ch:9000", Unasked: &end}).write(c.Data); err != nil {
		t.Fatal(err)
	}
	o, n, err := awayOptions(c)
	if err != nil || o.Owner != "folder" || n.clash(8) == nil || n.clash(7) != nil {
		t.Errorf("with a log of its own: %+v, %+v, %v", o, n, err)
	}
	c.Log.Address = "kafka://k/events"
	note := `{"id":"topic","owner":"folder","partition":2}`
	if err := os.WriteFile(filepath.Join(c.Data, logFile), []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	o, n, err = awayOptions(c)
	if err != nil || o.Owner != "topic/2" || n.clash(8) != nil {
		t.Errorf("with one in Kafka: %+v, %+v, %v", o, n, err)
	}
}
