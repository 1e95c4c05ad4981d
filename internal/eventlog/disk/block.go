package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/fault"
)

// A block is what one group commit wrote. All integers are little endian:
//
//	0   magic "FLB1"; the digit is the version
//	4   length of the payload as stored (uint32)
//	8   length of the payload before compression (uint32)
//	12  number of events (uint32)
//	16  number of records (uint32)
//	20  position of the first event (uint64)
//	28  XXH64 of bytes 0 to 27 and of the payload as stored (uint64)
//	36  payload: the records, compressed with S2
//
//	record: number of events (uvarint) | length (uvarint) | bytes
//
// Every version has this header and this checksum, so that a block of a later one can be told from damage.
const (
	blockMagic  = 0x31424c46
	magicMask   = 0x00ffffff
	headerBytes = 36
	// maxBlockBytes bounds what a reader allocates on the word of a header.
	maxBlockBytes = 256 << 20
)

type blockHeader struct {
	stored, raw, events, records uint32
	first                        eventlog.Position
	sum                          uint64
}

// errTorn says that the bytes at a place are no whole block.
var errTorn = errors.New("no whole block")

// errNewer says that a whole block is of a later version. It is no damage: nothing may be skipped or cut for it.
var errNewer = errors.New("written by a newer freshet, start that one")

// blockVersion is the version in a magic, 0 when it is none of a block.
func blockVersion(magic uint32) int {
	if v := int(magic>>24) - '0'; magic&magicMask == blockMagic&magicMask && v >= 1 && v <= 9 {
		return v
	}
	return 0
}

// appendBlock appends the block that holds the given records' raw payload.
func appendBlock(dst, raw []byte, first eventlog.Position, events, records int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, headerBytes)...)
	room := s2.MaxEncodedLen(len(raw))
	if cap(dst)-len(dst) < room {
		grown := make([]byte, len(dst), len(dst)+room)
		copy(grown, dst)
		dst = grown
	}
	stored := s2.Encode(dst[len(dst):len(dst)+room], raw)
	dst = dst[:len(dst)+len(stored)]
	h := dst[at : at+headerBytes]
	binary.LittleEndian.PutUint32(h[0:], blockMagic)
	binary.LittleEndian.PutUint32(h[4:], uint32(len(stored)))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(raw)))
	binary.LittleEndian.PutUint32(h[12:], uint32(events))
	binary.LittleEndian.PutUint32(h[16:], uint32(records))
	binary.LittleEndian.PutUint64(h[20:], uint64(first))
	binary.LittleEndian.PutUint64(h[28:], sumOf(h[:28], stored))
	return dst
}

func sumOf(header, payload []byte) uint64 {
	d := xxhash.New()
	if !fault.Planted(fault.HeaderUnsummed) {
		_, _ = d.Write(header)
	}
	_, _ = d.Write(payload)
	return d.Sum64()
}

func parseHeader(b []byte) (blockHeader, error) {
	if blockVersion(binary.LittleEndian.Uint32(b)) == 0 {
		return blockHeader{}, fmt.Errorf("%w: magic %08x", errTorn, binary.LittleEndian.Uint32(b))
	}
	h := blockHeader{
		stored:  binary.LittleEndian.Uint32(b[4:]),
		raw:     binary.LittleEndian.Uint32(b[8:]),
		events:  binary.LittleEndian.Uint32(b[12:]),
		records: binary.LittleEndian.Uint32(b[16:]),
		first:   eventlog.Position(binary.LittleEndian.Uint64(b[20:])),
		sum:     binary.LittleEndian.Uint64(b[28:]),
	}
	if h.stored > maxBlockBytes || h.raw > maxBlockBytes || h.records > h.events || h.records == 0 {
		return blockHeader{}, fmt.Errorf("%w: header out of bounds", errTorn)
	}
	return h, nil
}

// readBlock reads and checks the block at an offset. It returns io.EOF at the very end of the file, an error that wraps errTorn
// when the bytes there are not a whole block, and one that wraps errNewer when they are one of a later version.
func readBlock(f io.ReaderAt, offset int64, buf []byte) (h blockHeader, stored []byte, err error) {
	var head [headerBytes]byte
	n, err := f.ReadAt(head[:], offset)
	if n == 0 && errors.Is(err, io.EOF) {
		return h, nil, io.EOF
	}
	if n < headerBytes {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %d bytes of a header", errTorn, n)
		}
		return h, nil, err
	}
	if h, err = parseHeader(head[:]); err != nil {
		return h, nil, err
	}
	if cap(buf) < int(h.stored) {
		buf = make([]byte, h.stored)
	}
	stored = buf[:h.stored]
	if n, err := f.ReadAt(stored, offset+headerBytes); n < len(stored) {
		if err == nil || errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %d bytes of %d", errTorn, n, len(stored))
		}
		return h, nil, err
	}
	if got := sumOf(head[:28], stored); got != h.sum {
		return h, nil, fmt.Errorf("%w: checksum %016x, the header says %016x", errTorn, got, h.sum)
	}
	if v := blockVersion(binary.LittleEndian.Uint32(head[:])); v > 1 {
		return h, nil, fmt.Errorf("a block has format %d, this program reads 1: %w", v, errNewer)
	}
	return h, stored, nil
}

// block is a block in memory. Its bytes are never written again, so entries may alias them for as long as they like.
type block struct {
	first, end eventlog.Position
	raw        []byte
	// at is how many bytes had been published before it, see tail.
	at int64
}

func decodeBlock(h blockHeader, stored []byte) (*block, error) {
	if n, err := s2.DecodedLen(stored); err != nil || n != int(h.raw) {
		return nil, fmt.Errorf("%w: decompress: %d bytes, the header says %d", errTorn, n, h.raw)
	}
	raw, err := s2.Decode(make([]byte, h.raw), stored)
	if err != nil || len(raw) != int(h.raw) {
		return nil, fmt.Errorf("%w: decompress: %d bytes of %d, %w", errTorn, len(raw), h.raw, err)
	}
	return &block{first: h.first, end: h.first + eventlog.Position(h.events), raw: raw}, nil
}

// cursor walks over the records of a block.
type cursor struct {
	at   eventlog.Position
	rest []byte
}

// entries appends the records that end behind a position, at most limit of them.
func (c *cursor) entries(dst []eventlog.Entry, from eventlog.Position, limit int) ([]eventlog.Entry, error) {
	for len(c.rest) > 0 && len(dst) < limit {
		events, n := binary.Uvarint(c.rest)
		if n <= 0 || events > math.MaxInt32 {
			return dst, fmt.Errorf("%w: record at position %d", errTorn, c.at)
		}
		size, m := binary.Uvarint(c.rest[n:])
		if m <= 0 || size > uint64(len(c.rest)-n-m) {
			return dst, fmt.Errorf("%w: record at position %d", errTorn, c.at)
		}
		e := eventlog.Entry{First: c.at, Events: int(events), Payload: c.rest[n+m : n+m+int(size) : n+m+int(size)]}
		if e.End() > from {
			dst = append(dst, e)
		}
		c.at = e.End()
		c.rest = c.rest[n+m+int(size):]
	}
	return dst, nil
}
