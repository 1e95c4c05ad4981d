package duckdb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
)

// When power is cut while DuckDB appends to its write-ahead log, a file system may keep the new length and not the bytes: the
// end is zeros, and DuckDB, which takes a log that is too short as it is, calls that damage. What was not written was not
// synced, so nothing that was committed is there: the end is cut off, instead of making the whole store anew.

// tornEntry is what DuckDB says of an entry whose checksum does not match: with the place of its content, behind its header.
var tornEntry = regexp.MustCompile(`Corrupt WAL file: entry at byte position (\d+) computed checksum`)

// entryHeader is the length of an entry's header: its size and its checksum, little endian.
const entryHeader = 16

// cutTail cuts the entry that cause names off a write-ahead log, if it ends in zeros and nothing but zeros is behind it. A whole
// entry ends with two bytes of ones, so one in which a bit has turned is left alone. It returns how many bytes it has cut; 0
// leaves cause to somebody else.
func cutTail(wal string, cause error) (cut int64, err error) {
	found := tornEntry.FindStringSubmatch(cause.Error())
	if found == nil {
		return 0, nil
	}
	content, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil || content < entryHeader {
		return 0, nil // not the words that are known
	}
	f, err := os.OpenFile(wal, os.O_RDWR, 0)
	if err != nil {
		return 0, fmt.Errorf("cut the end off %s: %w", wal, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("cut the end off %s: %w", wal, err)
	}
	begin := content - entryHeader
	var header [entryHeader]byte
	if _, err := f.ReadAt(header[:], begin); err != nil {
		return 0, nil // then this is another file than DuckDB has read
	}
	size := binary.LittleEndian.Uint64(header[:])
	if size > uint64(info.Size()-content) {
		return 0, nil
	}
	last := max(content, content+int64(size)-1)
	if zeros, err := onlyZeros(io.NewSectionReader(f, last, info.Size()-last)); err != nil || !zeros {
		return 0, err
	}
	if err := errors.Join(f.Truncate(begin), f.Sync()); err != nil {
		return 0, fmt.Errorf("cut the end off %s: %w", wal, err)
	}
	return info.Size() - begin, nil
}

func onlyZeros(from io.Reader) (bool, error) {
	r := bufio.NewReader(from)
	for {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("read the write-ahead log: %w", err)
		case b != 0:
			return false, nil
		}
	}
}
