package archive

import (
	"context"
	"errors"
	"io/fs"

	"github.com/freshet/freshet/internal/event"
	"github.com/freshet/freshet/internal/eventlog"
)

// Verified is what Verify has found.
type Verified struct {
	Batches int               `json:"batches"`
	Files   int               `json:"files"`
	Events  int64             `json:"events"`
	Bytes   int64             `json:"bytes"`
	End     eventlog.Position `json:"end"`
	// Expired files are gone because their project does not keep them.
	Expired int `json:"expired,omitempty"`
	// Holes are positions that it has no batch for, Lost those that the log could not give when they were archived.
	Holes []Span `json:"holes,omitempty"`
	Lost  []Span `json:"lost,omitempty"`
	// Losses are what went with machines whose archive this was.
	Losses []Loss `json:"losses,omitempty"`
	// Damage says what does not match its checksum, or is not there.
	Damage []string `json:"damage,omitempty"`
}

// Verify reads every manifest and every file of the archive and compares them with their checksums. progress is told how
// many of how many positions are done; it may be nil.
func Verify(ctx context.Context, b Bucket, progress func(done, of int64)) (Verified, error) {
	var v Verified
	spans, err := Spans(ctx, b)
	if err != nil {
		return v, err
	}
	expired, err := loadExpiry(ctx, b)
	if err != nil {
		return v, err
	}
	v.Holes = Holes(spans)
	for _, s := range spans {
		batch, err := LoadBatch(ctx, b, s)
		v.Batches++
		v.End = s.To
		switch {
		case event.KindOf(err) == event.Corrupt:
			v.Damage = append(v.Damage, err.Error())
			continue
		case err != nil:
			return v, err
		}
		v.Lost = append(v.Lost, batch.Lost...)
		if batch.Loss != nil {
			v.Losses = append(v.Losses, *batch.Loss)
		}
		for i := range batch.Files {
			if err := v.file(ctx, b, expired, &batch.Files[i]); err != nil {
				return v, err
			}
		}
		if progress != nil {
			progress(int64(s.To), int64(spans[len(spans)-1].To))
		}
	}
	return v, nil
}

func (v *Verified) file(ctx context.Context, b Bucket, expired expiry, f *File) error {
	if expired.has(f) {
		v.Expired++
		return nil
	}
	v.Files++
	_, err := readEntries(ctx, b, f)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.Damage = append(v.Damage, f.Name+" is not there")
	case event.KindOf(err) == event.Corrupt:
		v.Damage = append(v.Damage, err.Error())
	case err != nil:
		return err
	default:
		v.Events += f.Events
		v.Bytes += f.Bytes
	}
	return nil
}

// Member is an object of the archive.
type Member struct {
	Name string
	// SHA256 is what the archive says of it: empty for what it may rewrite.
	SHA256 string
	// MayGo tells that it may be removed at any time.
	MayGo bool
}

// Names are all objects that belong to batches of an archive, manifests after their files.
func Names(ctx context.Context, b Bucket, spans []Span) ([]Member, error) {
	expired, err := loadExpiry(ctx, b)
	if err != nil {
		return nil, err
	}
	var out []Member
	for _, s := range spans {
		batch, err := LoadBatch(ctx, b, s)
		if err != nil {
			return nil, err
		}
		for _, f := range batch.Files {
			if !expired.has(&f) {
				out = append(out, Member{Name: f.Name, SHA256: f.SHA256, MayGo: true})
			}
		}
		sum, err := batch.contentSum()
		if err != nil {
			return nil, err
		}
		out = append(out, Member{Name: manifestName(s), SHA256: sum})
	}
	// Last, so that it allows for every file that went on the way.
	return append(out, Member{Name: expiredName, MayGo: true}), nil
}
