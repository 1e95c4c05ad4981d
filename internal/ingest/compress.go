package ingest

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/freshet/freshet/internal/event"
)

var (
	gzips sync.Pool
	zstds sync.Pool
)

// decompressor returns the reader behind an encoding, or raw itself, and what to call when it has been read.
func decompressor(raw *peeked, encoding string) (src io.Reader, done func(), err error) {
	done = func() {}
	switch {
	case encoding == "zstd":
		z, err := zstdReader(raw)
		if err != nil {
			return nil, nil, badCompression(err)
		}
		return z, func() { zstds.Put(z) }, nil
	case encoding != "" && encoding != "identity" && encoding != "gzip" && encoding != "br" && encoding != "deflate":
		return nil, nil, event.Errorf(event.Invalid, "unsupported_encoding", "content encoding %.100q is not one of gzip, deflate, br, zstd", encoding)
	case encoding == "gzip" || raw.begins(0x1f, 0x8b):
		g, err := gzipReader(raw)
		if err != nil {
			return nil, nil, badCompression(err)
		}
		return g, func() { gzips.Put(g) }, nil
	case encoding == "br":
		return brotli.NewReader(raw), done, nil
	case encoding == "deflate":
		return inflater(raw)
	}
	return raw, done, nil
}

// inflater reads deflate in its zlib form, which HTTP means, and bare, which some clients send.
func inflater(raw *peeked) (io.Reader, func(), error) {
	if len(raw.head) == 2 && raw.head[0]&15 == 8 && (uint(raw.head[0])<<8|uint(raw.head[1]))%31 == 0 {
		z, err := zlib.NewReader(raw)
		if err != nil {
			return nil, nil, badCompression(err)
		}
		return z, func() {}, nil
	}
	return flate.NewReader(raw), func() {}, nil
}

func badCompression(err error) error {
	return &event.Error{Kind: event.Invalid, Code: "bad_compression", Message: "the compressed body cannot be read", Err: err}
}

func gzipReader(r io.Reader) (*gzip.Reader, error) {
	if g, ok := gzips.Get().(*gzip.Reader); ok {
		return g, g.Reset(r)
	}
	return gzip.NewReader(r)
}

func zstdReader(r io.Reader) (*zstd.Decoder, error) {
	if z, ok := zstds.Get().(*zstd.Decoder); ok {
		return z, z.Reset(r)
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
}
