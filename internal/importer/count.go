package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/event"
)

// maxCounted is how many different rows are counted in memory; those beyond are counted in a folder.
const maxCounted = 2_000_000

// counter knows how often each row was there before.
type counter struct {
	limit  int
	memory map[event.Key]uint32
	dir    string
	disk   *pebble.DB
}

func newCounter() *counter { return &counter{limit: maxCounted, memory: map[event.Key]uint32{}} }

// id makes an event id of a row's content and of the number of rows with that content before it.
func (c *counter) id(content []byte) (string, error) {
	sum := xxh3.Hash128(content).Bytes()
	n, err := c.next(sum)
	if err != nil {
		return "", err
	}
	if n > 0 {
		var text [20]byte
		copy(text[:], sum[:])
		binary.BigEndian.PutUint32(text[16:], n)
		sum = xxh3.Hash128(text[:]).Bytes()
	}
	return event.Key(sum).String(), nil
}

// next returns how often the key was there before.
func (c *counter) next(k event.Key) (uint32, error) {
	if n, ok := c.memory[k]; ok || len(c.memory) < c.limit {
		c.memory[k] = n + 1
		return n, nil
	}
	if c.disk == nil {
		if err := c.spill(); err != nil {
			return 0, err
		}
	}
	var n uint32
	v, closer, err := c.disk.Get(k[:])
	switch {
	case err == nil:
		n = binary.BigEndian.Uint32(v)
		if err := closer.Close(); err != nil {
			return 0, err
		}
	case !errors.Is(err, pebble.ErrNotFound):
		return 0, fmt.Errorf("count rows: %w", err)
	}
	return n, c.disk.Set(k[:], binary.BigEndian.AppendUint32(nil, n+1), pebble.NoSync)
}

func (c *counter) spill() (err error) {
	if c.dir, err = os.MkdirTemp("", "freshet-import-"); err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	if c.disk, err = pebble.Open(c.dir, &pebble.Options{DisableWAL: true, Logger: quiet{}}); err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	return nil
}

func (c *counter) close() error {
	if c.disk == nil {
		return nil
	}
	return errors.Join(c.disk.Close(), os.RemoveAll(c.dir))
}

// quiet keeps the library's notes off the terminal.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

// Fatalf is called when the library cannot go on.
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
