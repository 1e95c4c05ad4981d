package archive

import (
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// The Parquet library keeps its encoders where each collection of garbage throws them away, and lets each look 4 MiB
// back, for which it takes 8 MiB. There are 55 pages in a row group, none larger than a MiB or so, and many collections.
// So files are compressed by encoders that stay.

const (
	// encoderLevel is how hard files are compressed, by zstd's count.
	encoderLevel = 1
	// encoderWindow is how far back an encoder looks, in bytes: as far as a page goes.
	encoderWindow = 1 << 20
	// idleEncoders bounds those kept: an archive has one writer.
	idleEncoders = 2
)

// keptEncoders makes the library use them, once a process: its codecs are the process's.
var keptEncoders = sync.OnceValue(func() error {
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		return fmt.Errorf("find zstd: %w", err)
	}
	whole, ok := codec.(libraryCodec)
	if !ok {
		return fmt.Errorf("zstd of the Parquet library is a %T, which does not tell errors", codec)
	}
	compress.RegisterCodec(compress.Codecs.Zstd, &zstdCodec{libraryCodec: whole, idle: make(chan *zstd.Encoder, idleEncoders)})
	return nil
})

// libraryCodec is what the library's own codec can.
type libraryCodec interface {
	compress.ErrorCodec
	compress.StreamingCodec
}

// zstdCodec is the library's codec but for its encoders.
type zstdCodec struct {
	libraryCodec
	idle chan *zstd.Encoder
}

// EncodeLevel implements compress.Codec. Levels that no file is written with are the library's affair.
func (c *zstdCodec) EncodeLevel(dst, src []byte, level int) []byte {
	if level != encoderLevel {
		return c.libraryCodec.EncodeLevel(dst, src, level)
	}
	var e *zstd.Encoder
	select {
	case e = <-c.idle:
	default:
		var err error
		if e, err = newEncoder(); err != nil {
			return c.libraryCodec.EncodeLevel(dst, src, level)
		}
	}
	out := e.EncodeAll(src, dst[:0])
	select {
	case c.idle <- e:
	default:
	}
	return out
}

func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(encoderLevel)), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(encoderWindow), zstd.WithZeroFrames(true), zstd.WithAllLitEntropyCompression(true))
}
