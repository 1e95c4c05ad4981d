// Package cloud keeps objects in a bucket of Amazon S3, or of what speaks like it, of Google Cloud Storage, or of Azure. It
// implements archive.Bucket, and moves files for backups.
//
// A call that fails is tried again a few times, after waits that are drawn anew, when it may pass; each try has a time of
// its own. A bucket that has failed several times in a row is left alone for a while: calls fail at once then. Credentials
// are found where the clouds' own tools find them: in the environment, in their files, or on the machine.
package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/freshet/freshet/internal/archive"
)

// Options configure a Bucket; URL is required.
type Options struct {
	// URL is the bucket's address and the folder in it: s3://bucket/folder, gs://bucket/folder, azblob://container/folder.
	// S3 takes region, endpoint, profile and use_path_style=true as parameters.
	URL string
	// Timeout is how long a try may take, beside a second for each 256 KiB that it moves. Default 30 seconds.
	Timeout time.Duration
	Logger  *slog.Logger
	// Registerer gets the metrics; nil for none.
	Registerer prometheus.Registerer
}

// Bucket is safe for concurrent use.
type Bucket struct {
	blob  *blob.Bucket
	calls *calls
}

var _ archive.Bucket = (*Bucket)(nil)

// Open opens a bucket. Whether it is there shows with the first call.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	b, err := dial(ctx, o.URL)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	return wrap(b, o), nil
}

func wrap(b *blob.Bucket, o Options) *Bucket {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Bucket{blob: b, calls: newCalls(o)}
}

// Close gives up the connections.
func (b *Bucket) Close() error { return b.blob.Close() }

// Create implements archive.Bucket. The object is held in memory until Commit.
func (b *Bucket) Create(ctx context.Context, name string) (archive.Object, error) {
	return &object{ctx: ctx, bucket: b, name: name}, nil
}

// object is one that is being gathered.
type object struct {
	bytes.Buffer
	//nolint:containedctx // the call is made by Commit, which has none
	ctx    context.Context
	bucket *Bucket
	name   string
}

// Commit implements archive.Object.
func (o *object) Commit() error {
	return o.bucket.Upload(o.ctx, o.name, bytes.NewReader(o.Bytes()))
}

// Abort implements archive.Object.
func (o *object) Abort() { o.Reset() }

// Upload makes an object of what content has from its beginning on.
func (b *Bucket) Upload(ctx context.Context, name string, content io.ReadSeeker) error {
	return b.calls.do(ctx, "write", name, func(ctx context.Context, moves func(int64)) error {
		size, err := content.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return err
		}
		moves(size)
		// What is not complete becomes an object unless its context has ended before it is closed.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w, err := b.blob.NewWriter(ctx, name, &blob.WriterOptions{ContentType: "application/octet-stream", DisableContentTypeDetection: true})
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, content); err != nil {
			cancel()
			_ = w.Close() // it tells that it was cancelled
			return err
		}
		return w.Close()
	})
}

// Download writes an object to a writer. A try goes on where the one before was cut off.
func (b *Bucket) Download(ctx context.Context, name string, to io.Writer) error {
	var done int64
	return b.calls.do(ctx, "read", name, func(ctx context.Context, moves func(int64)) (err error) {
		r, err := b.blob.NewRangeReader(ctx, name, done, -1, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		moves(r.Size() - done)
		n, err := io.Copy(to, r)
		if done += n; err == nil && done < r.Size() {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
}

// Read implements archive.Bucket.
func (b *Bucket) Read(ctx context.Context, name string) ([]byte, error) {
	var content bytes.Buffer
	if err := b.Download(ctx, name, &content); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}

// listPage is how many names a call asks for.
const listPage = 1000

// List implements archive.Bucket.
func (b *Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	var out []string
	for token := blob.FirstPageToken; len(token) > 0; {
		var page []*blob.ListObject
		err := b.calls.do(ctx, "list", prefix, func(ctx context.Context, _ func(int64)) error {
			objects, next, err := b.blob.ListPage(ctx, token, listPage, &blob.ListOptions{Prefix: prefix})
			if err == nil {
				page, token = objects, next
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			out = append(out, o.Key)
		}
	}
	return out, nil
}

// Delete implements archive.Bucket.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	return b.calls.do(ctx, "delete", name, func(ctx context.Context, _ func(int64)) error {
		err := b.blob.Delete(ctx, name)
		if gcerrors.Code(err) == gcerrors.NotFound {
			return nil
		}
		return err
	})
}
