package archive

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	parquetfile "github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/klauspost/compress/zstd"
)

// The library's own writers of columns take values one by one, look at each several times, and leave more garbage than all
// the rest of a server. So pages are made here, of columns that are gathered in their encoding already; their headers and
// the description of the file are the library's.

const (
	// encoderLevel is how hard files are compressed, by zstd's count.
	encoderLevel = 1
	// encoderWindow is how far back an encoder looks, in bytes: as far as a page goes.
	encoderWindow = 1 << 20
	// pageBytes is how much of texts is enough for a page.
	pageBytes = 1 << 20
)

// press makes pages; one serves all files of a batch.
type press struct {
	encoder *zstd.Encoder
	// raw and packed are a page before and after it is compressed.
	raw, packed []byte
	numbers     []int64
}

func newPress() (*press, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(encoderLevel)), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(encoderWindow), zstd.WithZeroFrames(true), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		return nil, fmt.Errorf("make an encoder: %w", err)
	}
	return &press{encoder: e}, nil
}

// group writes rows as a row group.
func (p *press) group(o *output, r *rows) error {
	about := o.about.AppendRowGroup()
	var pages parquetfile.PageWriter
	for i := range r.columns {
		column := about.NextColumnChunk()
		var err error
		if pages == nil {
			pages, err = parquetfile.NewPageWriter(o, compress.Codecs.Zstd, encoderLevel, column, o.groups, int16(i),
				memory.DefaultAllocator, false, nil, nil)
		} else {
			err = pages.Reset(o, compress.Codecs.Zstd, encoderLevel, column, o.groups, int16(i), nil, nil)
		}
		if err == nil {
			err = p.column(pages, column, &r.columns[i], i, r.n)
		}
		if err == nil {
			err = pages.Close(false, false)
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", column.Descr().Name(), err)
		}
	}
	about.SetNumRows(r.n)
	if err := about.Finish(0, o.groups); err != nil {
		return err
	}
	o.groups++
	return nil
}

// column writes the pages of a column with so many rows.
func (p *press) column(pages parquetfile.PageWriter, about *metadata.ColumnChunkMetaDataBuilder, c *chunk, column, rows int) error {
	switch column {
	case colPosition, colReceived, colOriginal:
		p.numbers = p.numbers[:0]
		for at := 0; at < len(c.values); at += 8 {
			p.numbers = append(p.numbers, int64(binary.LittleEndian.Uint64(c.values[at:])))
		}
		if err := describe(about, p.numbers, rows); err != nil {
			return err
		}
	}
	if column == colPosition {
		return p.page(pages, parquet.Encodings.DeltaBinaryPacked, appendDeltas(p.raw[:0], p.numbers), rows)
	}
	optional := about.Descr().MaxDefinitionLevel() > 0
	for from, at := 0, 0; from < rows; {
		to, end := rows, len(c.values)
		if column >= colText && end-at > pageBytes {
			to, end = c.page(from, at, rows)
		}
		p.raw = p.raw[:0]
		if optional {
			p.raw = append(p.raw, 0, 0, 0, 0)
			p.raw = appendLevels(p.raw, c.some[min(from/8, len(c.some)):], to-from)
			binary.LittleEndian.PutUint32(p.raw, uint32(len(p.raw)-4))
		}
		if err := p.page(pages, parquet.Encodings.Plain, append(p.raw, c.values[at:end]...), to-from); err != nil {
			return err
		}
		from, at = to, end
	}
	return nil
}

// page is where a page of texts ends that begins at a row and at an offset: the row, and the offset. Rows are taken eight by
// eight.
func (c *chunk) page(row, at, rows int) (to, end int) {
	for end = at; row < rows && end-at < pageBytes; row += 8 {
		if row/8 >= len(c.some) {
			return rows, end
		}
		for range bits.OnesCount8(c.some[row/8]) {
			end += 4 + int(binary.LittleEndian.Uint32(c.values[end:]))
		}
	}
	return min(row, rows), end
}

// page compresses and writes a page of so many rows; raw becomes p's.
func (p *press) page(pages parquetfile.PageWriter, encoding parquet.Encoding, raw []byte, rows int) error {
	p.raw = raw
	p.packed = p.encoder.EncodeAll(raw, p.packed[:0])
	page := parquetfile.NewDataPageV1(memory.NewBufferBytes(p.packed), int32(rows), encoding, parquet.Encodings.RLE, parquet.Encodings.RLE,
		int32(len(raw)))
	defer page.Release()
	_, err := pages.WriteDataPage(page)
	if cap(p.raw) > mostKept {
		p.raw, p.packed = nil, nil
	}
	return err
}

// describe notes the smallest and the largest value, by which readers skip row groups.
func describe(about *metadata.ColumnChunkMetaDataBuilder, values []int64, rows int) error {
	stats := metadata.NewStatistics(about.Descr(), memory.DefaultAllocator)
	of, ok := stats.(*metadata.Int64Statistics)
	if !ok {
		return fmt.Errorf("statistics are %T", stats)
	}
	of.Update(values, int64(rows-len(values)))
	out, err := of.Encode()
	if err != nil {
		return fmt.Errorf("statistics: %w", err)
	}
	out.Signed = about.Descr().SortOrder() == schema.SortSIGNED
	about.SetStats(out)
	return nil
}

// appendLevels appends which of the rows have a value, in Parquet's hybrid encoding for one bit: runs, and bits as they are.
// Bits that some does not have are 0.
func appendLevels(dst, some []byte, rows int) []byte {
	groups := (rows + 7) / 8
	eight := func(i int) byte {
		switch {
		case i >= len(some):
			return 0
		case i == rows/8 && some[i] == 1<<(rows&7)-1:
			return 0xff // there are no more
		}
		return some[i]
	}
	for i := 0; i < groups; {
		from, b := i, eight(i)
		if b == 0 || b == 0xff {
			for i < groups && eight(i) == b {
				i++
			}
			dst = binary.AppendUvarint(dst, uint64(min(8*i, rows)-8*from)<<1)
			dst = append(dst, b&1)
			continue
		}
		for i < groups && eight(i) != 0 && eight(i) != 0xff {
			i++
		}
		dst = binary.AppendUvarint(dst, uint64(i-from)<<1|1)
		dst = append(dst, some[from:i]...)
	}
	return dst
}

// Deltas come in blocks of deltaBlock values, in parts of deltaPart with a width of their own.
const (
	deltaBlock = 128
	deltaPart  = 32
)

// appendDeltas appends numbers in Parquet's DELTA_BINARY_PACKED encoding.
func appendDeltas(dst []byte, values []int64) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaBlock/deltaPart)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, values[0])
	for last, rest := values[0], values[1:]; len(rest) > 0; {
		n := min(len(rest), deltaBlock)
		var deltas [deltaBlock]int64
		for i, v := range rest[:n] {
			deltas[i], last = v-last, v
		}
		dst = appendDeltaBlock(dst, deltas[:n])
		rest = rest[n:]
	}
	return dst
}

func appendDeltaBlock(dst []byte, deltas []int64) []byte {
	least := deltas[0]
	for _, d := range deltas {
		least = min(least, d)
	}
	dst = binary.AppendVarint(dst, least)
	widths := len(dst)
	dst = append(dst, make([]byte, deltaBlock/deltaPart)...)
	for part := 0; part*deltaPart < len(deltas); part++ {
		some := deltas[part*deltaPart : min((part+1)*deltaPart, len(deltas))]
		width := 0
		for _, d := range some {
			width = max(width, bits.Len64(uint64(d)-uint64(least)))
		}
		dst[widths+part] = byte(width)
		at := len(dst)
		dst = append(dst, make([]byte, deltaPart*width/8)...)
		for i, d := range some {
			for bit, v := i*width, uint64(d)-uint64(least); v != 0; {
				dst[at+bit>>3] |= byte(v << (bit & 7))
				v >>= 8 - bit&7
				bit += 8 - bit&7
			}
		}
	}
	return dst
}
