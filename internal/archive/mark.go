package archive

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

const (
	serverPrefix = "server/"
	markName     = serverPrefix + "mark.json"
	markFormat   = 1
)

// Mark is what a server leaves beside its archive: with it and the archive another machine can begin anew when this one is
// lost.
type Mark struct {
	Format  int    `json:"format"`
	Version string `json:"version"`
	// Server is drawn anew by each process.
	Server string `json:"server"`
	// At is when the mark was made, End the position behind everything that was accepted by then.
	At  time.Time         `json:"at"`
	End eventlog.Position `json:"end"`
	// Control is the copy of projects and keys.
	Control ControlCopy `json:"control"`
	// SHA256 is that of this document with an empty SHA256, in hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// ControlCopy is an object beside the mark.
type ControlCopy struct {
	// Name is that of the file in a data folder.
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (c ControlCopy) object() string { return serverPrefix + c.SHA256 }

// ErrReplaced says that the mark is of another server: one that took this one's place, on another machine.
var ErrReplaced = errors.New("another server keeps its mark beside this archive")

// Marker leaves marks, one after the other. Keep and Mark have one caller.
type Marker struct {
	bucket  Bucket
	server  string
	control ControlCopy
	// begun tells that a mark was left, or may have been.
	begun atomic.Bool
}

// NewMarker makes a Marker whose first mark takes the place of any.
func NewMarker(b Bucket) *Marker { return &Marker{bucket: b, server: rand.Text()} }

// Keep has the marks from now on go with a copy of the control plane, which is a file of this name in a data folder.
func (k *Marker) Keep(ctx context.Context, name string, content []byte) error {
	sum := sha256.Sum256(content)
	c := ControlCopy{name, int64(len(content)), hex.EncodeToString(sum[:])}
	if c == k.control {
		return nil
	}
	if err := put(ctx, k.bucket, c.object(), content); err != nil {
		return err
	}
	k.control = c
	return nil
}

// Mark replaces the mark, and removes a copy that none needs any more. The error is ErrReplaced when another
// Marker has left its first mark since this one did.
func (k *Marker) Mark(ctx context.Context, m Mark) error {
	before, err := LoadMark(ctx, k.bucket)
	switch {
	case errors.Is(err, fs.ErrNotExist) || !k.begun.Load() && event.KindOf(err) == event.Corrupt:
		before = nil
	case err != nil:
		return err
	case k.begun.Load() && before.Server != k.server:
		return ErrReplaced
	}
	m.Format, m.Server, m.Control = markFormat, k.server, k.control
	content, err := Seal(&m, &m.SHA256)
	if err != nil {
		return fmt.Errorf("write %s: %w", markName, err)
	}
	k.begun.Store(true)
	if err := put(ctx, k.bucket, markName, content); err != nil {
		return err
	}
	if before != nil && before.Control.SHA256 != m.Control.SHA256 {
		return k.bucket.Delete(ctx, before.Control.object())
	}
	return nil
}

// Own is nil while the archive is this server's: until another Marker has left its first mark. It may be called at any time.
func (k *Marker) Own(ctx context.Context) error {
	if !k.begun.Load() {
		return nil
	}
	m, err := LoadMark(ctx, k.bucket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && m.Server != k.server:
		return ErrReplaced
	}
	return err
}

// LoadMark reads the mark. The error of a bucket without one wraps fs.ErrNotExist.
func LoadMark(ctx context.Context, b Bucket) (*Mark, error) {
	content, err := b.Read(ctx, markName)
	if err != nil {
		return nil, err
	}
	var m Mark
	if err := decode(markName, content, markFormat, &m); err != nil {
		return nil, err
	}
	sum := m.SHA256
	if _, err := Seal(&m, &m.SHA256); err != nil || m.SHA256 != sum {
		return nil, damaged("%s does not match its checksum", markName)
	}
	return &m, nil
}

// LoadControl reads the copy of the control plane that goes with a mark.
func (m *Mark) LoadControl(ctx context.Context, b Bucket) ([]byte, error) {
	content, err := b.Read(ctx, m.Control.object())
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != m.Control.SHA256 {
		return nil, damaged("%s, the copy of projects and keys, does not match its checksum", m.Control.object())
	}
	return content, nil
}
