package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
)

const (
	manifestPrefix = "manifest/"
	filePrefix     = "events/"
	expiredName    = "expired.json"
)

// Batch is what one manifest says: the files that hold the events of the log from From to before To.
type Batch struct {
	Format int               `json:"format"`
	From   eventlog.Position `json:"from"`
	To     eventlog.Position `json:"to"`
	Files  []File            `json:"files"`
	// Lost are positions that the log could not give any more.
	Lost []Span `json:"lost,omitempty"`
	// Loss is of a batch that has no files: what a machine had when it was lost.
	Loss *Loss `json:"loss,omitempty"`
	// SHA256 is that of this document with an empty SHA256, in hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// File is one Parquet file of a batch.
type File struct {
	Name    string `json:"name"`
	Project uint32 `json:"project"`
	// Day is the day of receipt, UTC, such as 2026-11-24.
	Day string `json:"day"`
	// First and Last are the positions of its first and of its last event.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Events is how many positions of the log it stands for, those of unreadable events among them.
	Events int64  `json:"events"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Span is the positions from From to before To.
type Span struct {
	From eventlog.Position `json:"from"`
	To   eventlog.Position `json:"to"`
}

func manifestName(s Span) string {
	return fmt.Sprintf("%s%020d-%020d.json", manifestPrefix, s.From, s.To)
}

func parseManifestName(name string) (s Span, ok bool) {
	n, _ := fmt.Sscanf(strings.TrimPrefix(name, manifestPrefix), "%020d-%020d.json", &s.From, &s.To)
	return s, n == 2 && name == manifestName(s) && s.From < s.To
}

// Span is what the batch covers.
func (b *Batch) Span() Span { return Span{b.From, b.To} }

func (b *Batch) encode() ([]byte, error) { return Seal(b, &b.SHA256) }

// Seal is the JSON of a document that carries its own checksum: sum, which is a member of it, becomes the SHA-256 of its
// JSON with an empty sum.
func Seal(document any, sum *string) ([]byte, error) {
	*sum = ""
	plain, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(plain)
	*sum = hex.EncodeToString(hash[:])
	return json.Marshal(document)
}

// contentSum is the SHA-256 of the manifest as a file.
func (b *Batch) contentSum() (string, error) {
	content, err := b.encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

// save makes the batch part of the archive.
func (b *Batch) save(ctx context.Context, bucket Bucket) error {
	content, err := b.encode()
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return put(ctx, bucket, manifestName(b.Span()), content)
}

func put(ctx context.Context, bucket Bucket, name string, content []byte) error {
	o, err := bucket.Create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := o.Write(content); err != nil {
		o.Abort()
		return fmt.Errorf("write %s: %w", name, err)
	}
	return o.Commit()
}

// decode reads a document of a format up to the most that is known.
func decode(name string, content []byte, most int, into any) error {
	// A later format may have other members.
	var format struct{ Format int }
	if err := json.Unmarshal(content, &format); err == nil && format.Format > most {
		return fmt.Errorf("read %s: it has format %d, this binary reads up to %d: start a newer freshet", name, format.Format, most)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return damaged("%s: %v", name, err)
	}
	return nil
}

// LoadBatch reads and checks the manifest of a span.
func LoadBatch(ctx context.Context, bucket Bucket, s Span) (*Batch, error) {
	name := manifestName(s)
	content, err := bucket.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	var b Batch
	if err := decode(name, content, formatVersion, &b); err != nil {
		return nil, err
	}
	sum := b.SHA256
	if _, err := b.encode(); err != nil || b.SHA256 != sum || b.Span() != s {
		return nil, damaged("%s does not match its checksum", name)
	}
	return &b, nil
}

// Spans are what the archive's batches cover, in order.
func Spans(ctx context.Context, bucket Bucket) ([]Span, error) {
	names, err := bucket.List(ctx, manifestPrefix)
	if err != nil {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	var out []Span
	for _, name := range names {
		if s, ok := parseManifestName(name); ok {
			out = append(out, s)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].From < out[j].From })
	for i := 1; i < len(out); i++ {
		if out[i].From < out[i-1].To {
			return nil, damaged("the batches from %d and from %d overlap", out[i-1].From, out[i].From)
		}
	}
	return out, nil
}

// Holes are the positions between 0 and the archive's end that it has no batch for.
func Holes(spans []Span) (out []Span) {
	var at eventlog.Position
	for _, s := range spans {
		if s.From > at {
			out = append(out, Span{at, s.From})
		}
		at = s.To
	}
	return out
}

// expiry says by project before which day of receipt files may be gone, because the project does not keep them.
type expiry map[uint32]string

func loadExpiry(ctx context.Context, bucket Bucket) (expiry, error) {
	content, err := bucket.Read(ctx, expiredName)
	if errors.Is(err, fs.ErrNotExist) {
		return expiry{}, nil
	}
	if err != nil {
		return nil, err
	}
	var e expiry
	if err := json.Unmarshal(content, &e); err != nil {
		return nil, damaged("%s: %v", expiredName, err)
	}
	return e, nil
}

func (e expiry) has(f *File) bool { return f.Day < e[f.Project] }

// Expire removes the files of what a project received before a day (days since 1970-01-01 UTC) and returns how many
// there were. The manifests stay, so that nobody takes them for lost.
func Expire(ctx context.Context, bucket Bucket, project uint32, day int64) (int, error) {
	e, err := loadExpiry(ctx, bucket)
	if err != nil {
		return 0, err
	}
	if limit := dayName(day); limit > e[project] {
		e[project] = limit
		content, err := json.Marshal(e)
		if err != nil {
			return 0, fmt.Errorf("write %s: %w", expiredName, err)
		}
		if err := put(ctx, bucket, expiredName, content); err != nil {
			return 0, err
		}
	}
	prefix := fmt.Sprintf("%sproject=%d/", filePrefix, project)
	names, err := bucket.List(ctx, prefix+"day=")
	if err != nil {
		return 0, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		d, _, _ := strings.Cut(strings.TrimPrefix(name, prefix+"day="), "/")
		return d >= e[project]
	})
	for i, name := range names {
		if err := bucket.Delete(ctx, name); err != nil {
			return i, err
		}
	}
	return len(names), nil
}
