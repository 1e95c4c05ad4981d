package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// checkpointSuffix is added to the name of the file that is imported.
const checkpointSuffix = ".freshet-import"

// saveEvery is the number of requests between two notes.
const saveEvery = 20

// checkpoint notes, beside the file, up to which row everything was acknowledged.
type checkpoint struct {
	path string
	// Rows before and with this number are acknowledged. Size and Modified are those of the file, which must not
	// have changed.
	Rows     int64   `json:"rows"`
	Size     int64   `json:"size"`
	Modified int64   `json:"modified_us"`
	Mapping  Mapping `json:"mapping"`

	// next is the job up to which all are done; finished holds those done out of order.
	next     int
	finished map[int]int64
	unsaved  int
}

// openCheckpoint begins a note, or with Resume goes on with the one that is there.
func openCheckpoint(o Options) (*checkpoint, error) {
	c := &checkpoint{finished: map[int]int64{}, Mapping: o.Mapping}
	if o.Path == "-" {
		if o.Resume {
			return nil, errors.New("standard input cannot be resumed")
		}
		return c, nil
	}
	info, err := os.Stat(o.Path)
	if err != nil {
		return nil, err
	}
	c.path = o.Path + checkpointSuffix
	c.Size, c.Modified = info.Size(), info.ModTime().UnixMicro()
	if !o.Resume {
		return c, nil
	}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	var old checkpoint
	if err := json.Unmarshal(b, &old); err != nil {
		return nil, fmt.Errorf("resume: %s: %w", c.path, err)
	}
	if old.Size != c.Size || old.Modified != c.Modified || old.Mapping != c.Mapping {
		return nil, fmt.Errorf("resume: the file or the mapping has changed since %s was written; import without --resume, events that were sent are recognized", c.path)
	}
	c.Rows = old.Rows
	return c, nil
}

// done notes that a job, and with it all rows until the given one that are not in other jobs, is acknowledged.
func (c *checkpoint) done(job int, until int64) error {
	c.finished[job] = until
	for {
		rows, ok := c.finished[c.next]
		if !ok {
			break
		}
		delete(c.finished, c.next)
		c.next++
		c.Rows = rows
	}
	if c.unsaved++; c.unsaved < saveEvery {
		return nil
	}
	return c.save()
}

// save writes the note so that a crash leaves the old one or the new one.
func (c *checkpoint) save() error {
	c.unsaved = 0
	if c.path == "" {
		return nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path+".new", b, 0o600); err != nil {
		return fmt.Errorf("note how far the import is: %w", err)
	}
	return os.Rename(c.path+".new", c.path)
}

// remove is called when everything is acknowledged.
func (c *checkpoint) remove() error {
	if c.path == "" {
		return nil
	}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
