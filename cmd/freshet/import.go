package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/client"
	"github.com/freshet/freshet/internal/importer"
	"github.com/freshet/freshet/internal/progress"
)

type importCmd struct {
	serverFlags
	jsonFlag
	File            string `arg:"" help:"File to import, gzipped or not; - is standard input."`
	Format          string `enum:",csv,ndjson,parquet" default:"" help:"csv, ndjson or parquet; default by the file's name."`
	EventColumn     string `placeholder:"NAME" help:"Column with the event's name."`
	EventName       string `placeholder:"NAME" help:"Name of all events, when there is no column for it."`
	TimeColumn      string `placeholder:"NAME" help:"Column with the event's time; times without a zone are UTC. - is the time of the import."`
	UserColumn      string `placeholder:"NAME" help:"Column with the user's id."`
	AnonymousColumn string `placeholder:"NAME" help:"Column with the id of a device or of somebody not known yet."`
	IDColumn        string `name:"id-column" placeholder:"NAME" help:"Column with the event's own id; default is made of the row's content."`
	Batch           int    `default:"1000" help:"Events in a request."`
	Senders         int    `default:"4" help:"Requests at a time."`
	Resume          bool   `help:"Go on where an interrupted import of the same file stopped."`
	ReadKey         string `env:"FRESHET_READ_KEY" placeholder:"KEY" help:"Read or admin key, to wait until the events are visible (${env})."`
}

// Help implements kong.HelpProvider.
func (importCmd) Help() string {
	return `Sends the rows of a file as events. Columns with usual names (event, timestamp, user_id, client_id, distinct_id,
anonymous_id, event_id, ...) are found by themselves; a column is left alone with -. All others become properties. A row
without an id gets one made of its content and of how many rows before it are the same: importing a file twice changes
nothing, and identical rows stay distinct events. Rows that cannot be used are reported and counted.

  freshet import shop.csv.gz --key fw_...
  freshet import log.parquet --event-column action --time-column at --user-column who
  freshet import events.ndjson --resume
  freshet export | freshet import - --format ndjson --url http://other:8080 --key fw_...`
}

// shownBad is how many unusable rows are reported one by one.
const shownBad = 20

func (c *importCmd) Run(ctx context.Context, s streams) error {
	if err := c.needKey("a write key"); err != nil {
		return err
	}
	if c.Batch < 1 || c.Senders < 1 {
		return usageError("--batch and --senders must be greater than 0")
	}
	cl, err := c.client(c.Senders)
	if err != nil {
		return err
	}
	defer cl.Close()
	bar := progress.New(s.err, "bytes", 0)
	var bad atomic.Int64
	began := time.Now()
	res, err := importer.Run(ctx, importer.Options{
		Path: c.File, Format: c.Format, In: s.in, Batch: c.Batch, Senders: c.Senders, Resume: c.Resume,
		Mapping: importer.Mapping{
			Event: c.EventColumn, Time: c.TimeColumn, User: c.UserColumn, Anonymous: c.AnonymousColumn, ID: c.IDColumn, EventName: c.EventName,
		},
		Send: func(ctx context.Context, body []byte) ([]byte, uint64, error) {
			return cl.Send(ctx, client.Request{Path: "/v1/events", Body: body})
		},
		Bad: func(row int64, why string) {
			if n := bad.Add(1); n <= shownBad {
				fmt.Fprintf(s.err, "row %d: %s\n", row, why)
			} else if n == shownBad+1 {
				fmt.Fprintln(s.err, "more rows that cannot be used are only counted")
			}
		},
		Progress: func(done, total int64) { bar.SetOf(done, total) },
	})
	bar.Done()
	if err != nil {
		if res.Accepted > 0 && c.File != "-" {
			return fmt.Errorf("%w\n%d events were accepted; go on with --resume", err, res.Accepted)
		}
		return err
	}
	if c.ReadKey != "" {
		if err := waitVisible(ctx, c.URL, c.ReadKey, res.Position); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(res)
	}
	fmt.Fprintf(s.out, "%d rows in %.1f s: %d accepted, %d rejected, %d unreadable, %d skipped\n",
		res.Rows, time.Since(began).Seconds(), res.Accepted, res.Rejected, res.Bad, res.Skipped)
	m := res.Mapping
	fmt.Fprintf(s.out, "columns used: event=%s time=%s user=%s anonymous=%s id=%s\n", or(m.Event), or(m.Time), or(m.User), or(m.Anonymous), or(m.ID))
	return nil
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
