package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/freshet/freshet/internal/durable"
)

// copyFormat is the format of the copy. One of another is not read.
const copyFormat = 1

// localCopy is a file with the projects and keys of a shared store:
//
//	{"format": 1, "sha256": "…of state", "made": "…", "state": {"projects": […], "keys": [{…, "hash": "…"}]}}
type localCopy struct {
	path string
	// state is what the file has, to write it only when it has changed.
	state []byte
}

type copiedFile struct {
	Format int             `json:"format"`
	SHA256 string          `json:"sha256"`
	Made   time.Time       `json:"made"`
	State  json.RawMessage `json:"state"`
}

type copiedState struct {
	Projects []Project   `json:"projects"`
	Keys     []copiedKey `json:"keys"`
}

type copiedKey struct {
	Key
	Hash string `json:"hash"`
}

// write replaces the file when the state is another than the one in it. Times of use are left out: they are no reason to write.
func (c *localCopy) write(s *snapshot, now time.Time) error {
	if c.path == "" {
		return nil
	}
	var out copiedState
	for _, id := range slices.Sorted(maps.Keys(s.projects)) {
		out.Projects = append(out.Projects, *s.projects[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.keys)) {
		k := copiedKey{s.keys[id].Key, hex.EncodeToString(s.keys[id].Hash[:])}
		k.LastUsedAt = nil
		out.Keys = append(out.Keys, k)
	}
	state, err := json.Marshal(out)
	if err != nil || bytes.Equal(state, c.state) {
		return err
	}
	sum := sha256.Sum256(state)
	file, err := json.Marshal(copiedFile{copyFormat, hex.EncodeToString(sum[:]), now.UTC(), state})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(c.path, append(file, '\n')); err != nil {
		return err
	}
	c.state = state
	return nil
}

// read is the state in the file and when it was written; nil when there is none that can be used.
func (c *localCopy) read() (*snapshot, time.Time, error) {
	if c.path == "" {
		return nil, time.Time{}, nil
	}
	b, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	var file copiedFile
	var state copiedState
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err == nil {
		sum := sha256.Sum256(file.State)
		switch {
		case file.Format != copyFormat:
			err = fmt.Errorf("it has format %d, this program reads %d", file.Format, copyFormat)
		case hex.EncodeToString(sum[:]) != file.SHA256:
			err = errors.New("it does not match its checksum")
		default:
			err = json.Unmarshal(file.State, &state)
		}
	}
	var s *snapshot
	if err == nil {
		s, err = state.snapshot()
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the copy %s: %w", c.path, err)
	}
	c.state = file.State
	return s, file.Made, nil
}

func (c copiedState) snapshot() (*snapshot, error) {
	keys := make([]StoredKey, 0, len(c.Keys))
	for _, k := range c.Keys {
		stored := StoredKey{Key: k.Key}
		hash, err := hex.DecodeString(k.Hash)
		if err != nil || copy(stored.Hash[:], hash) != len(stored.Hash) {
			return nil, fmt.Errorf("the hash of key %d is %q", k.ID, k.Hash)
		}
		keys = append(keys, stored)
	}
	return assemble(c.Projects, keys, &snapshot{})
}
