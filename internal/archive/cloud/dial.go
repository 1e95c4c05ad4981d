package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	gocloudaws "gocloud.dev/aws"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
)

// Schemes are those of the addresses of buckets: Amazon S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.
var Schemes = []string{s3blob.Scheme, gcsblob.Scheme, azureblob.Scheme} //nolint:gochecknoglobals // a list that nobody changes

// Is tells whether an address is that of a bucket, and not a folder's.
func Is(address string) bool {
	scheme, _, ok := strings.Cut(address, "://")
	return ok && slices.Contains(Schemes, scheme)
}

// What a connection may take before a call's own time counts.
const (
	dialTimeout = 5 * time.Second
	tlsTimeout  = 5 * time.Second
)

// dial opens the bucket of an address such as s3://bucket/folder?region=eu-central-1. Nothing is asked of it yet.
func dial(ctx context.Context, address string) (*blob.Bucket, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no address such as s3://bucket/folder", address)
	}
	folder := strings.Trim(u.Path, "/")
	u.Path = ""
	var b *blob.Bucket
	switch u.Scheme {
	case s3blob.Scheme:
		b, err = dialS3(ctx, u)
	case gcsblob.Scheme, azureblob.Scheme:
		b, err = blob.OpenBucket(ctx, u.String())
	default:
		return nil, fmt.Errorf("%s is no kind of bucket; there are %s", u.Scheme, strings.Join(Schemes, ", "))
	}
	if err != nil || folder == "" {
		return b, err
	}
	return blob.PrefixedBucket(b, folder+"/"), nil
}

// dialS3 leaves out the tries of Amazon's own library: one layer tries again, and that is ours.
func dialS3(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	q := u.Query()
	pathStyle := q.Get("use_path_style") == "true"
	q.Del("use_path_style")
	cfg, err := gocloudaws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return nil, err
	}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.HTTPClient = &http.Client{Transport: transport()}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		// Objects that came in parts have no checksum of the whole; they have ours.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return s3blob.OpenBucket(ctx, client, u.Host, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
}

func transport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}).DialContext,
		TLSHandshakeTimeout: tlsTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     time.Minute,
	}
}
