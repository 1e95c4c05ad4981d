package archive

import (
	"bytes"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"pgregory.net/rapid"
)

// TestKeptEncoders: whatever pages they are given, and by how many at once, the library reads them back, also those that
// are larger than an encoder looks back.
func TestKeptEncoders(t *testing.T) {
	if err := keptEncoders(); err != nil {
		t.Fatal(err)
	}
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	kept, ok := codec.(*zstdCodec)
	if !ok {
		t.Fatalf("the library compresses with %T", codec)
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "word")
		pages := make([][]byte, rapid.IntRange(1, 5).Draw(t, "pages"))
		for i := range pages {
			pages[i] = bytes.Repeat(word, rapid.SampledFrom([]int{0, 1, 3, 30, 300, 1000, 2000, 2 * encoderWindow / len(word)}).Draw(t, "times"))
		}
		level := rapid.SampledFrom([]int{encoderLevel, encoderLevel, 3}).Draw(t, "level")
		var all sync.WaitGroup
		back, errs := make([][]byte, len(pages)), make([]error, len(pages))
		for i, page := range pages {
			all.Go(func() { back[i], errs[i] = kept.DecodeWithError(nil, kept.EncodeLevel(nil, page, level)) })
		}
		all.Wait()
		for i := range pages {
			if errs[i] != nil || !bytes.Equal(back[i], pages[i]) {
				t.Fatalf("page %d of %d bytes came back with %d: %v", i, len(pages[i]), len(back[i]), errs[i])
			}
		}
	})
	if n := len(kept.idle); n < 1 || n > idleEncoders {
		t.Fatalf("%d encoders kept", n)
	}
}
