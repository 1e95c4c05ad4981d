package app

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/archive"
	"github.com/freshet/freshet/internal/lease"
)

// leasedBucket lets only the process write that has the lease: two that archive the same events would write over each other. A
// bucket does not know of leases, so it is asked before each object and before it is made visible, and what is on its way is broken off
// when the lease runs out.
type leasedBucket struct {
	archive.Bucket
	lease *lease.Lease
}

// Create implements archive.Bucket.
func (b leasedBucket) Create(ctx context.Context, name string) (archive.Object, error) {
	guarded, end, err := b.lease.Guard(ctx)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	o, err := b.Bucket.Create(guarded, name)
	if err != nil {
		end()
		return nil, err
	}
	return leasedObject{o, guarded, end, b.lease}, nil
}

// Delete implements archive.Bucket.
func (b leasedBucket) Delete(ctx context.Context, name string) error {
	guarded, end, err := b.lease.Guard(ctx)
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	defer end()
	return b.Bucket.Delete(guarded, name)
}

// leasedObject is an object that is written under a lease.
type leasedObject struct {
	archive.Object
	guarded context.Context //nolint:containedctx // it bounds the object's life, as that of Create does
	end     context.CancelFunc
	lease   *lease.Lease
}

// Commit implements archive.Object.
func (o leasedObject) Commit() error {
	defer o.end()
	if err := o.lease.Confirm(o.guarded); err != nil {
		o.Object.Abort()
		return fmt.Errorf("make an object of the archive visible: %w", err)
	}
	return o.Object.Commit()
}

// Abort implements archive.Object.
func (o leasedObject) Abort() {
	o.Object.Abort()
	o.end()
}
