package pieces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// patience is how long an object store may take for one piece.
const patience = time.Minute

// Bucket keeps pieces in a bucket of an object store that speaks S3. Who runs the store sees sizes and times, and no content.
type Bucket struct {
	client *minio.Client
	bucket string
	prefix string // with a slash behind it, or empty
}

// Login is how a Bucket logs in.
type Login struct {
	Access, Secret string
	Region         string // us-east-1 if empty
}

// OpenBucket takes the address of a bucket, s3://host[:port]/bucket[/prefix], or s3+http://… for one that is reached without TLS. It connects to nothing.
func OpenBucket(address string, l Login) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" && u.Scheme != "s3+http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no address of a bucket: write s3://host:port/bucket, or s3://host:port/bucket/prefix", address)
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return nil, fmt.Errorf("%q names no bucket: write s3://host:port/bucket", address)
	}
	if l.Access == "" || l.Secret == "" {
		return nil, errors.New("the object store asks for an access key and a secret")
	}
	if l.Region == "" {
		l.Region = "us-east-1"
	}
	if prefix != "" {
		prefix += "/"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // the environment does not say where sealed pieces go
	transport.ResponseHeaderTimeout = patience
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(l.Access, l.Secret, ""), Secure: u.Scheme == "s3", Region: l.Region,
		BucketLookup: minio.BucketLookupPath, Transport: transport, MaxRetries: 3})
	if err != nil {
		return nil, fmt.Errorf("the object store at %s: %w", u.Host, err)
	}
	return &Bucket{client, bucket, prefix}, nil
}

func (b *Bucket) key(d Digest) string {
	name := d.String()
	return b.prefix + name[:2] + "/" + name
}

// sort tells what a caller can tell apart.
func sort(err error) error {
	switch minio.ToErrorResponse(err).Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%w: %w", ErrNone, err)
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage":
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// Put keeps a piece.
func (b *Bucket) Put(ctx context.Context, d Digest, sealed []byte) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	_, err := b.client.PutObject(ctx, b.bucket, b.key(d), bytes.NewReader(sealed), int64(len(sealed)), minio.PutObjectOptions{DisableMultipart: true,
		ContentType: "application/octet-stream"})
	if err != nil {
		return fmt.Errorf("keeping a piece: %w", sort(err))
	}
	return nil
}

// Get gives a piece.
func (b *Bucket) Get(ctx context.Context, d Digest) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	o, err := b.client.GetObject(ctx, b.bucket, b.key(d), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("piece %s: %w", d, sort(err))
	}
	defer o.Close()
	sealed, err := read(d, o)
	if err != nil {
		return nil, fmt.Errorf("piece %s: %w", d, sort(unwrapped(err)))
	}
	return sealed, nil
}

// unwrapped gives the object store's own error, if there is one in it.
func unwrapped(err error) error {
	var r minio.ErrorResponse
	if errors.As(err, &r) {
		return r
	}
	return err
}

// Delete forgets a piece.
func (b *Bucket) Delete(ctx context.Context, d Digest) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := sort(b.client.RemoveObject(ctx, b.bucket, b.key(d), minio.RemoveObjectOptions{})); err != nil && !errors.Is(err, ErrNone) {
		return fmt.Errorf("deleting a piece: %w", err)
	}
	return nil
}

// Own says whose pieces these are; once said, it refuses to be anybody else's.
func (b *Bucket) Own(ctx context.Context, who string) error {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	o, err := b.client.GetObject(ctx, b.bucket, b.prefix+owner, minio.GetObjectOptions{})
	if err != nil {
		return fmt.Errorf("whose pieces these are: %w", sort(err))
	}
	defer o.Close()
	is, err := io.ReadAll(io.LimitReader(o, 1024))
	if err := sort(err); errors.Is(err, ErrNone) {
		_, err = b.client.PutObject(ctx, b.bucket, b.prefix+owner, strings.NewReader(who), int64(len(who)), minio.PutObjectOptions{DisableMultipart: true})
		return err
	} else if err != nil {
		return fmt.Errorf("whose pieces these are: %w", err)
	}
	if string(is) != who {
		return fmt.Errorf("%s/%s%s: %w", b.client.EndpointURL(), b.bucket, "/"+b.prefix, ErrOwner)
	}
	return nil
}

// Each calls fn with every piece that is there and when it was kept, until fn gives an error.
func (b *Bucket) Each(ctx context.Context, fn func(d Digest, at time.Time) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for o := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("listing the pieces: %w", o.Err)
		}
		dir, name, _ := strings.Cut(strings.TrimPrefix(o.Key, b.prefix), "/")
		if d, ok := parseDigest(name); ok && d.String()[:2] == dir {
			if err := fn(d, o.LastModified); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
