package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/archive"
)

// folderBucket is a folder with what backups need of a bucket.
type folderBucket struct {
	archive.Folder
	uploads int
}

func (f *folderBucket) Upload(ctx context.Context, name string, content io.ReadSeeker) error {
	f.uploads++
	o, err := f.Create(ctx, name)
	if err != nil {
		return err
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(o, content); err != nil {
		return err
	}
	return o.Commit()
}

func (f *folderBucket) Download(ctx context.Context, name string, to io.Writer) error {
	b, err := f.Read(ctx, name)
	if err == nil {
		_, err = to.Write(b)
	}
	return err
}

func (*folderBucket) Close() error { return nil }

// TestBucketVault makes backups in a bucket: a content is kept once, what no backup has is removed, but not while another is
// being made, and a backup whose content vanished does not come to be.
func TestBucketVault(t *testing.T) {
	bucket := &folderBucket{Folder: archive.Folder(t.TempDir())}
	made := time.Now().UTC()
	begin := func() (*bucketVault, *Snapshot, *Snapshot) {
		t.Helper()
		v := newBucketVault(bucket, "s3://bucket/folder?region=here")
		made = made.Add(time.Second)
		before, err := v.begin(t.Context(), made.Format(snapshotForm))
		if err != nil {
			t.Fatal(err)
		}
		return v, before, &Snapshot{Format: snapshotFormat, Made: made}
	}
	put := func(v *bucketVault, s *Snapshot, name, content string) {
		t.Helper()
		f, _, err := v.put(t.Context(), name, func(to *hashed) error {
			_, err := to.Write([]byte(content))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Files = append(s.Files, f)
	}
	backup := func(contents ...string) string {
		t.Helper()
		v, _, s := begin()
		for i, c := range contents {
			put(v, s, fmt.Sprint("file", i), c)
		}
		at, err := v.end(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	list := func(prefix string) []string {
		t.Helper()
		names, err := bucket.List(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if at := backup("a", "b", "a"); !strings.HasPrefix(at, "s3://bucket/folder/lists/2") || !strings.HasSuffix(at, ".json?region=here") {
		t.Error(at)
	}
	backup("b", "c")
	if bucket.uploads != 3 || len(list(openPrefix)) != 0 {
		t.Errorf("%d uploads of three contents; open: %v", bucket.uploads, list(openPrefix))
	}
	busy, before, half := begin()
	if before == nil || len(before.Files) != 2 || !busy.again(before.Files[1]) {
		t.Errorf("the one before is %+v", before)
	}
	put(busy, half, "file", "d")

	v, _, s := begin()
	put(v, s, "file", "e")
	if _, err := v.end(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if n, err := v.thin(t.Context(), 1); n != 2 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if names := list(objectPrefix); len(names) != 5 {
		t.Errorf("while another is being made there are %v", names)
	}
	if _, err := busy.end(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	if n, err := busy.thin(t.Context(), 2); n != 0 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if names := list(objectPrefix); len(names) != 2 {
		t.Errorf("of two backups there are %v", names)
	}

	v, _, s = begin()
	put(v, s, "file", "f")
	if err := bucket.Delete(t.Context(), objectPrefix+s.Files[0].SHA256); err != nil {
		t.Fatal(err)
	}
	if at, err := v.end(t.Context(), s); err == nil {
		t.Errorf("%s lacks its content", at)
	}
	if !slices.Equal(list(listPrefix), slices.Sorted(slices.Values(list(listPrefix)))) || len(list(listPrefix)) != 2 {
		t.Error(list(listPrefix))
	}
	latest, err := newBucketVault(bucket, "").latest(t.Context())
	if err != nil || len(latest.Files) != 1 {
		t.Errorf("%+v, %v", latest, err)
	}
}
