package dedup

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"sort"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
)

// A run is a file of ids in the order of their hash, never changed after it was written:
//
//	block ... | fences | filter | footer
//
//	block, 4096 bytes: record ... | zeros | XXH3 of what precedes, its low 4 bytes
//	record: hi (8 bytes, big endian) | lo (8 bytes) | position less from | second less the least | content (widths in the footer)
//	fences: hi of the first record of each block, 8 bytes each, little endian
//	filter: a power of two of 64-byte blocks
//	footer, 96 bytes, little endian, 8 bytes each unless said: magic | from | to | records | least second | greatest
//	        second | width of a position (1 byte) | width of a second (1 byte) | width of a content (1 byte, 0 in version 1) | 5 zeros | blocks | words of filter |
//
// //
// The file's name tells the positions [from, to) whose ids it holds. The digit in the magic is the version; every version ends with
// the magic 96 bytes before the end and the checksum of the footer in its last 8, so that a later one can be told from damage.
const (
	blockBytes  = 4096
	blockRoom   = blockBytes - 4
	footerBytes = 96
	// runMagic is "freshet2", runFormat its digit.
	runMagic  = 0x3274656873657266
	runFormat = 2
	sumBytes  = 2
)

// runInfo is what the footer says.
type runInfo struct {
	from, to       uint64
	maxPos         uint64
	count          int
	minSec, maxSec int64
	posWidth       int
	secWidth       int
	sumWidth       int
	blocks         int
	filterWords    int
}

func (i *runInfo) recordBytes() int { return 16 + i.posWidth + i.secWidth + i.sumWidth }
func (i *runInfo) perBlock() int    { return blockRoom / i.recordBytes() }

// member is a run in the set that lookups go through, behind its filter.
type member struct {
	filter filter
	run    *run
}

// run is an open run file.
type run struct {
	runInfo
	name   string
	size   int64
	fences []uint64

	mu sync.RWMutex
	// file is nil after close.
	file vfs.File
}

// runVersion is the version in a magic, 0 when it is none of a run.
func runVersion(magic uint64) int {
	if v := int(magic>>56) - '0'; magic<<8 == uint64(runMagic&(1<<56-1))<<8 && v >= 1 && v <= 9 {
		return v
	}
	return 0
}

func runName(from, to uint64) string { return fmt.Sprintf("%016x-%016x.run", from, to) }

// width is how many bytes hold n.
func width(n uint64) int { return (bits.Len64(n) + 7) / 8 }

func putUint(b []byte, v uint64, width int) {
	for i := range width {
		b[i] = byte(v >> (8 * i))
	}
}

func getUint(b []byte, width int) (v uint64) {
	for i := range width {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}

// runWriter writes a run from entries in order. least and greatest second bound those of the entries.
type runWriter struct {
	runInfo
	out    io.Writer
	block  []byte
	in     int
	fences []uint64
	filter filter
	err    error
}

func newRunWriter(out io.Writer, info runInfo, atMost int) *runWriter {
	info.posWidth = width(info.maxPos - info.from)
	info.secWidth = width(uint64(info.maxSec - info.minSec))
	info.sumWidth, info.count, info.blocks = sumBytes, 0, 0
	return &runWriter{runInfo: info, out: out, block: make([]byte, 0, blockBytes), filter: newFilter(atMost)}
}

func (w *runWriter) add(e *entry) {
	if w.in == 0 {
		w.fences = append(w.fences, e.hi)
	}
	n := len(w.block)
	w.block = w.block[:n+w.recordBytes()]
	b := w.block[n:]
	binary.BigEndian.PutUint64(b, e.hi)
	binary.BigEndian.PutUint64(b[8:], e.lo)
	putUint(b[16:], e.pos-w.from, w.posWidth)
	putUint(b[16+w.posWidth:], uint64(e.sec-w.minSec), w.secWidth)
	putUint(b[16+w.posWidth+w.secWidth:], uint64(e.sum), w.sumWidth)
	w.filter.add(e.hi, e.lo)
	w.count++
	if w.in++; w.in == w.perBlock() {
		w.flushBlock()
	}
}

func (w *runWriter) flushBlock() {
	if w.in == 0 || w.err != nil {
		return
	}
	b := w.block[:blockBytes]
	clear(b[len(w.block):])
	binary.LittleEndian.PutUint32(b[blockRoom:], uint32(xxh3.Hash(b[:blockRoom])))
	_, w.err = w.out.Write(b)
	w.block, w.in = w.block[:0], 0
	w.blocks++
}

func (w *runWriter) finish() error {
	w.flushBlock()
	if w.err != nil {
		return w.err
	}
	w.filterWords = len(w.filter)
	tail := make([]byte, 0, 8*(len(w.fences)+len(w.filter))+footerBytes)
	for _, f := range w.fences {
		tail = binary.LittleEndian.AppendUint64(tail, f)
	}
	for _, f := range w.filter {
		tail = binary.LittleEndian.AppendUint64(tail, f)
	}
	sum := xxh3.Hash(tail)
	at := len(tail)
	for _, v := range []uint64{
		runMagic, w.from, w.to, uint64(w.count), uint64(w.minSec), uint64(w.maxSec),
		uint64(w.posWidth) | uint64(w.secWidth)<<8 | uint64(w.sumWidth)<<16, uint64(w.blocks), uint64(w.filterWords), sum, w.maxPos,
	} {
		tail = binary.LittleEndian.AppendUint64(tail, v)
	}
	tail = binary.LittleEndian.AppendUint64(tail, xxh3.Hash(tail[at:]))
	_, err := w.out.Write(tail)
	return err
}

func corrupt(name, format string, args ...any) error {
	return event.Errorf(event.Corrupt, "dedup_damaged", "dedup run %s: %s", name, fmt.Sprintf(format, args...))
}

// openRun opens a run and reads its fences and filter; damage is an error of Kind Corrupt.
func openRun(fs vfs.FS, dir, name string) (member, error) {
	f, err := fs.Open(fs.PathJoin(dir, name), vfs.RandomReadsOption)
	if err != nil {
		return member{}, fmt.Errorf("open dedup run %s: %w", name, err)
	}
	r := &run{name: name, file: f}
	bits, err := r.load()
	if err != nil {
		_ = f.Close()
		return member{}, err
	}
	return member{bits, r}, nil
}

// footer reads and checks the last bytes of the file, as numbers, and its size.
func (r *run) footer() (v [footerBytes / 8]uint64, size int64, err error) {
	info, err := r.file.Stat()
	if err != nil {
		return v, 0, fmt.Errorf("open dedup run %s: %w", r.name, err)
	}
	size = info.Size()
	if size < footerBytes {
		return v, size, corrupt(r.name, "%d bytes", size)
	}
	var b [footerBytes]byte
	if err := readAt(r.file, b[:], size-footerBytes); err != nil {
		return v, size, fmt.Errorf("read dedup run %s: %w", r.name, err)
	}
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	version := runVersion(v[0])
	if version == 0 || v[11] != xxh3.Hash(b[:88]) {
		return v, size, corrupt(r.name, "bad footer")
	}
	if version > runFormat {
		return v, size, fmt.Errorf("dedup run %s has format %d, this program reads 1 to %d: %w", r.name, version, runFormat, event.ErrNewer)
	}
	return v, size, nil
}

// load reads the footer and the fences into r, and returns the filter.
func (r *run) load() (filter, error) {
	v, size, err := r.footer()
	if err != nil {
		return nil, err
	}
	r.size = size
	r.runInfo = runInfo{
		from: v[1], to: v[2], count: int(v[3]), minSec: int64(v[4]), maxSec: int64(v[5]),
		posWidth: int(v[6] & 0xff), secWidth: int(v[6] >> 8 & 0xff), sumWidth: int(v[6] >> 16 & 0xff),
		blocks: int(v[7]), filterWords: int(v[8]), maxPos: v[10],
	}
	tail := int64(8*(r.blocks+r.filterWords)) + footerBytes
	if int64(r.blocks)*blockBytes+tail != r.size || runName(r.from, r.to) != r.name {
		return nil, corrupt(r.name, "its size or name does not agree with its footer")
	}
	t := make([]byte, tail-footerBytes)
	if err := readAt(r.file, t, int64(r.blocks)*blockBytes); err != nil {
		return nil, fmt.Errorf("read dedup run %s: %w", r.name, err)
	}
	if xxh3.Hash(t) != v[9] {
		return nil, corrupt(r.name, "bad fences or filter")
	}
	r.fences = words(t[:8*r.blocks])
	return words(t[8*r.blocks:]), nil
}

// words reads little-endian numbers.
func words(b []byte) []uint64 {
	w := make([]uint64, len(b)/8)
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

func readAt(f vfs.File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// find judges the entries of a key by v; buf is a block's worth of room. ok is false when the run was closed meanwhile.
func (r *run) find(hi, lo uint64, buf []byte, v *verdict) (decided, ok bool, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.file == nil {
		return false, false, nil
	}
	first := sort.Search(len(r.fences), func(i int) bool { return r.fences[i] >= hi })
	for b := max(first-1, 0); b < len(r.fences) && r.fences[b] <= hi; b++ {
		if err := r.readBlocks(buf[:blockBytes], b); err != nil {
			return false, true, err
		}
		n, size := r.inBlock(b), r.recordBytes()
		i := sort.Search(n, func(i int) bool { return binary.BigEndian.Uint64(buf[i*size:]) >= hi })
		for ; i < n; i++ {
			e := r.decode(buf[i*size:])
			if e.hi != hi || e.lo > lo {
				break
			}
			if e.lo == lo && v.judge(e.pos, e.sec, e.sum) {
				return true, true, nil
			}
		}
	}
	return false, true, nil
}

// inBlock is the number of records in block b.
func (r *run) inBlock(b int) int { return min(r.perBlock(), r.count-b*r.perBlock()) }

func (r *run) decode(b []byte) entry {
	return entry{
		hi: binary.BigEndian.Uint64(b), lo: binary.BigEndian.Uint64(b[8:]),
		pos: r.from + getUint(b[16:], r.posWidth),
		sec: r.minSec + int64(getUint(b[16+r.posWidth:], r.secWidth)),
		sum: uint16(getUint(b[16+r.posWidth+r.secWidth:], r.sumWidth)),
	}
}

// readBlocks fills buf with whole blocks from the given one on and checks them.
func (r *run) readBlocks(buf []byte, first int) error {
	if err := readAt(r.file, buf, int64(first)*blockBytes); err != nil {
		return fmt.Errorf("read dedup run %s: %w", r.name, err)
	}
	for i := 0; i < len(buf); i += blockBytes {
		b := buf[i : i+blockBytes]
		if binary.LittleEndian.Uint32(b[blockRoom:]) != uint32(xxh3.Hash(b[:blockRoom])) {
			return corrupt(r.name, "bad checksum in block %d", first+i/blockBytes)
		}
	}
	return nil
}

// close gives the file back; lookups under way end first.
func (r *run) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	f := r.file
	r.file = nil
	return f.Close()
}

// runReader reads a run's entries in order.
type runReader struct {
	run  *run
	buf  []byte
	next int
	head int
	in   int
	at   int
	cur  entry
	err  error
}

const mergeBlocks = 32

func newRunReader(r *run) *runReader {
	return &runReader{run: r, buf: make([]byte, mergeBlocks*blockBytes)}
}

// step moves to the next entry; false at the end or after an error.
func (m *runReader) step() bool {
	r := m.run
	if m.at == m.in {
		m.at = 0
		if m.next == r.blocks {
			return false
		}
		if m.next%mergeBlocks == 0 {
			n := min(mergeBlocks, r.blocks-m.next)
			if m.err = r.readBlocks(m.buf[:n*blockBytes], m.next); m.err != nil {
				return false
			}
		}
		m.head = m.next % mergeBlocks * blockBytes
		m.in = r.inBlock(m.next)
		m.next++
	}
	m.cur = r.decode(m.buf[m.head+m.at*r.recordBytes():])
	m.at++
	return true
}
