package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/durable"
	"github.com/freshet/freshet/internal/eventlog"
)

const (
	snapshotFormat = 1
	// snapshotFile lists what is in a snapshot; a folder without it is none.
	snapshotFile = "BACKUP.json"
	snapshotForm = "20060102T150405.000000Z"
	// unfinished ends the name of a snapshot that is being made.
	unfinished = ".partial"
)

// Snapshot is one backup: enough to make everything anew from.
type Snapshot struct {
	Format  int    `json:"format"`
	Version string `json:"version"`
	// Made is when it was begun: everything acknowledged before is in it.
	Made time.Time `json:"made"`
	// Position is the end of its log.
	Position eventlog.Position `json:"position"`
	Files    []SnapshotFile    `json:"files"`
	// SHA256 is that of this document with an empty SHA256.
	SHA256 string `json:"sha256"`
}

// SnapshotFile is a file of a snapshot.
type SnapshotFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Source is how the file it was copied from looked, to tell whether it has changed since.
	Source string `json:"source,omitempty"`
}

func (s *Snapshot) encode() ([]byte, error) { return archive.Seal(s, &s.SHA256) }

// readSnapshot reads the list of a snapshot and checks it. where says which one it is.
func readSnapshot(b []byte, where string) (*Snapshot, error) {
	// A later format may have other members.
	var format struct{ Format int }
	if err := json.Unmarshal(b, &format); err == nil && format.Format > snapshotFormat {
		return nil, fmt.Errorf("read the backup %s: it has format %d, this binary reads up to %d: take a newer freshet", where, format.Format, snapshotFormat)
	}
	var s Snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read the backup %s: %w", where, err)
	}
	sum := s.SHA256
	if _, err := s.encode(); err != nil || s.SHA256 != sum {
		return nil, fmt.Errorf("read the backup %s: its list does not match its checksum", where)
	}
	return &s, nil
}

// VerifySnapshot compares every file of a backup, or of the latest one in a folder or a bucket, with its checksum and returns
// what is wrong. progress may be nil.
func VerifySnapshot(ctx context.Context, at string, logger *slog.Logger, progress func(done, of int64)) (_ *Snapshot, _ []string, err error) {
	v, err := openVault(ctx, at, logger)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	s, err := v.latest(ctx)
	if err != nil {
		return nil, nil, err
	}
	problems := []string{}
	for i := range s.Files {
		if err := s.Files[i].copyTo(ctx, v, io.Discard); err != nil {
			problems = append(problems, err.Error())
		}
		if progress != nil {
			progress(int64(i+1), int64(len(s.Files)))
		}
	}
	return s, problems, nil
}

// copyTo copies the file out of a backup and compares what it read with the checksum.
func (f *SnapshotFile) copyTo(ctx context.Context, from vault, to io.Writer) error {
	sum := &counted{hash: sha256.New()}
	if err := from.fetch(ctx, f, io.MultiWriter(to, sum)); err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(sum.hash.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%s has %d bytes with the SHA-256 %s, its backup had %d and %s", f.Name, sum.bytes, got, f.Bytes, f.SHA256)
	}
	return nil
}

// counted hashes and counts what is written.
type counted struct {
	hash  hash.Hash
	bytes int64
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	return c.hash.Write(b)
}

// hashed is a new file that is hashed as it is written.
type hashed struct {
	*os.File
	sum   hash.Hash
	bytes int64
}

func createHashed(path string) (*hashed, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &hashed{File: f, sum: sha256.New()}, nil
}

// Write implements io.Writer.
func (d *hashed) Write(b []byte) (int, error) {
	n, err := d.File.Write(b)
	d.sum.Write(b[:n])
	d.bytes += int64(n)
	return n, err
}

// ReadFrom keeps io.Copy from going past Write.
func (d *hashed) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{d}, r)
}

func (d *hashed) finish() error { return errors.Join(d.Sync(), d.Close()) }

// syncTree makes the names of all files in a folder durable.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return durable.SyncDir(path)
	})
}
