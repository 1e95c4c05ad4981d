package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

// The places in the head of a batch, and how long it is: the second form that Kafka has had since 0.11.
const (
	atLength        = 8
	atEpoch         = 12
	atMagic         = 16
	atCRC           = 17
	atAttributes    = 21
	atLastDelta     = 23
	atFirstTime     = 27
	atMaxTime       = 35
	atProducer      = 43
	atProducerEpoch = 51
	atSequence      = 53
	atCount         = 57
	headBytes       = 61

	magic          = 2
	compressedZstd = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is a sequence of records as Kafka takes it.
type batch struct {
	raw    []byte
	out    []byte
	events int
	zstd   *zstd.Encoder
}

func newBatch() (*batch, error) {
	// A level above costs more than the bytes it saves are worth where a log is kept for a day.
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	return &batch{zstd: z}, err
}

func (b *batch) begin() {
	b.raw, b.events = b.raw[:0], 0
	if cap(b.raw) > 2*gatherBytes {
		b.raw, b.out = nil, nil
	}
}

// add appends the records of one append.
func (b *batch) add(ms []message) {
	for i := range ms {
		m := &ms[i]
		delta := protowire.EncodeZigZag(int64(b.events))
		b.raw = protowire.AppendVarint(b.raw, protowire.EncodeZigZag(int64(m.size(delta))))
		// Attributes, and the time after the batch's, which is none.
		b.raw = append(b.raw, 0, 0)
		b.raw = protowire.AppendVarint(b.raw, delta)
		if m.key == nil {
			b.raw = protowire.AppendVarint(b.raw, protowire.EncodeZigZag(-1))
		} else {
			b.raw = protowire.AppendVarint(b.raw, protowire.EncodeZigZag(int64(len(m.key))))
			b.raw = append(b.raw, m.key...)
		}
		b.raw = protowire.AppendVarint(b.raw, protowire.EncodeZigZag(int64(len(m.value))))
		b.raw = append(b.raw, m.value...)
		b.raw = append(b.raw, 0) // no headers
		b.events++
	}
}

// size is the length of a record behind its length.
func (m *message) size(delta uint64) int {
	n := 2 + protowire.SizeVarint(delta) + protowire.SizeVarint(protowire.EncodeZigZag(int64(len(m.value)))) + len(m.value) + 1
	if m.key == nil {
		return n + 1
	}
	return n + protowire.SizeVarint(protowire.EncodeZigZag(int64(len(m.key)))) + len(m.key)
}

// framed is more than what messages take in a batch.
func framed(ms []message) (n int) {
	const most = 5 + 2 + 5 + 5 + 5 + 1
	for i := range ms {
		n += most + len(ms[i].key) + len(ms[i].value)
	}
	return n
}

// finish compresses the records. The batch is complete but for who sends it.
func (b *batch) finish(now time.Time) {
	b.out = append(b.out[:0], make([]byte, headBytes)...)
	b.out = b.zstd.EncodeAll(b.raw, b.out)
	attributes := uint16(compressedZstd)
	if len(b.out) >= headBytes+len(b.raw) {
		b.out, attributes = append(b.out[:headBytes], b.raw...), 0
	}
	h := b.out
	binary.BigEndian.PutUint32(h[atLength:], uint32(len(h)-atEpoch))
	binary.BigEndian.PutUint32(h[atEpoch:], ^uint32(0))
	h[atMagic] = magic
	binary.BigEndian.PutUint16(h[atAttributes:], attributes)
	binary.BigEndian.PutUint32(h[atLastDelta:], uint32(b.events-1))
	binary.BigEndian.PutUint64(h[atFirstTime:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(h[atMaxTime:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint32(h[atCount:], uint32(b.events))
}

// sign puts in who sends the batch, and the sum over all of it.
func (b *batch) sign(id int64, epoch int16, sequence int32) []byte {
	h := b.out
	binary.BigEndian.PutUint64(h[atProducer:], uint64(id))
	binary.BigEndian.PutUint16(h[atProducerEpoch:], uint16(epoch))
	binary.BigEndian.PutUint32(h[atSequence:], uint32(sequence))
	binary.BigEndian.PutUint32(h[atCRC:], crc32.Checksum(h[atAttributes:], castagnoli))
	return h
}
