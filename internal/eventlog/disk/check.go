package disk

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/freshet/freshet/internal/eventlog"
)

// Checked is what Check has found.
type Checked struct {
	Segments int               `json:"segments"`
	Blocks   int               `json:"blocks"`
	Start    eventlog.Position `json:"start"`
	End      eventlog.Position `json:"end"`
	// Damage says where bytes do not match their checksum, and where positions are missing.
	Damage []string `json:"damage,omitempty"`
	// last is where the last block begins.
	last eventlog.Position
}

// Check reads every block of the log in a folder and compares it with its checksum. It changes nothing and needs no
// lock; a log that is being written to may seem torn at its end, which is no damage.
func Check(dir string) (Checked, error) {
	var c Checked
	segments, err := list(vfs.Default, dir)
	if err != nil {
		return c, fmt.Errorf("check log %s: %w", dir, err)
	}
	for i, s := range segments {
		if i == 0 {
			c.Start, c.End = s.first, s.first
		}
		if i > 0 && s.first == c.last {
			// The block before is whole, but its fsync failed: nobody was told of it, and this segment takes its place.
			c.End = s.first
		}
		if s.first != c.End {
			c.Damage = append(c.Damage, fmt.Sprintf("%s begins at position %d, %d was due", s.name, s.first, c.End))
			c.End = max(c.End, s.first)
		}
		if err := c.segment(dir, s); err != nil {
			return c, fmt.Errorf("check log segment %s: %w", s.name, err)
		}
	}
	return c, nil
}

func list(fs vfs.FS, dir string) ([]segment, error) {
	l := &Log{opts: Options{FS: fs, Dir: dir}}
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	if err := l.name(names); err != nil {
		return nil, err
	}
	return l.segments, nil
}

func (c *Checked) segment(dir string, s segment) error {
	f, err := vfs.Default.Open(vfs.Default.PathJoin(dir, s.name), vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	c.Segments++
	var buf []byte
	for offset := int64(0); ; {
		h, stored, err := readBlock(f, offset, buf)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errTorn):
			next, found, err2 := behind(f, offset, c.End)
			if err2 != nil || !found {
				return err2
			}
			c.Damage = append(c.Damage, fmt.Sprintf("%s at byte %d: %v", s.name, offset, err))
			offset = next
			continue
		case err != nil:
			return err
		case h.first != c.End:
			c.Damage = append(c.Damage, fmt.Sprintf("%s at byte %d: position %d where %d was due", s.name, offset, h.first, c.End))
		}
		buf = stored
		offset += headerBytes + int64(h.stored)
		c.Blocks++
		c.last = h.first
		c.End = max(c.End, h.first+eventlog.Position(h.events))
	}
}

// behind finds a whole block behind bytes that are none.
func behind(f vfs.File, offset int64, least eventlog.Position) (next int64, found bool, err error) {
	info, err := f.Stat()
	if err != nil || onlyFilling(f, offset, info.Size()) {
		return 0, false, err
	}
	next, _, found = findBlock(f, offset+1, info.Size(), least)
	return next, found, nil
}

// Segments are the names of the log's files in a folder, in order.
func Segments(dir string) ([]string, error) {
	segments, err := list(vfs.Default, dir)
	if err != nil {
		return nil, fmt.Errorf("list log %s: %w", dir, err)
	}
	names := make([]string, len(segments))
	for i, s := range segments {
		names[i] = s.name
	}
	return names, nil
}

// CopySegment copies a segment that may be written to meanwhile: everything up to the end of its last whole block. It
// returns the position behind that, or behind the segment's first position when there is none.
func CopySegment(dir, name string, to io.Writer) (eventlog.Position, error) {
	var end eventlog.Position
	if _, err := fmt.Sscanf(strings.TrimSuffix(name, ".log"), "%d", (*uint64)(&end)); err != nil {
		return 0, fmt.Errorf("copy log segment %s: %w", name, err)
	}
	f, err := vfs.Default.Open(vfs.Default.PathJoin(dir, name), vfs.SequentialReadsOption)
	if err != nil {
		return 0, fmt.Errorf("copy log segment %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	var buf []byte
	for offset := int64(0); ; {
		h, stored, err := readBlock(f, offset, buf)
		if errors.Is(err, errTorn) {
			// The block may have been written only just now, in front of the one behind it.
			h, stored, err = readBlock(f, offset, buf)
		}
		upTo := offset + headerBytes + int64(h.stored)
		if errors.Is(err, errTorn) {
			next, found, err2 := behind(f, offset, end)
			if err2 != nil {
				return end, fmt.Errorf("copy log segment %s: %w", name, err2)
			}
			if !found {
				return end, nil
			}
			// Damage is copied as it is: what it means is for the reader to say.
			upTo, err = next, nil
		} else {
			buf = stored
			end = max(end, h.first+eventlog.Position(h.events))
		}
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err == nil {
			_, err = io.Copy(to, io.NewSectionReader(f, offset, upTo-offset))
		}
		if err != nil {
			return end, fmt.Errorf("copy log segment %s: %w", name, err)
		}
		offset = upTo
	}
}
