package project

import (
	"context"
	"io"
	"time"
)

// Hash is the SHA-256 of a secret, the only form in which one is kept.
type Hash [32]byte

// StoredKey is a key and the hash it is found by.
type StoredKey struct {
	Key
	Hash Hash
}

// Store keeps the control plane. Adapters live in the folders below and pass the suite in projecttest.
//
// A method that returned nil has made its change durable, with the audit entry in the same transaction; one that
// returned an error has changed nothing, unless the context ended or the connection broke while it committed. Errors
// that the caller can act on are *Error; every other error is a fault. Times are kept to the microsecond, in UTC.
// Methods may be called concurrently.
type Store interface {
	Projects
	Keys
	io.Closer
}

// Projects keeps projects, and the audit of all changes.
type Projects interface {
	// Projects returns all projects by number.
	Projects(ctx context.Context) ([]Project, error)
	// CreateProject keeps p under a number never used before, and the entry that audit makes of that number.
	// A name that exists is NameTaken.
	CreateProject(ctx context.Context, p Project, audit func(ID) AuditEntry) (ID, error)
	// UpdateProject replaces the settings of p.ID; its CreatedAt stays. NoSuchProject, NameTaken.
	UpdateProject(ctx context.Context, p Project, audit AuditEntry) error
	// Audit returns at most limit entries with an ID below before, or the newest if before is 0; newest first.
	Audit(ctx context.Context, before uint64, limit int) ([]AuditEntry, error)
}

// Keys keeps keys, revoked ones included.
type Keys interface {
	// Keys returns all keys of all projects by number.
	Keys(ctx context.Context) ([]StoredKey, error)
	// CreateKey keeps k under a number never used before, and the entry that audit makes of that number.
	// NoSuchProject; a hash that exists is a fault.
	CreateKey(ctx context.Context, k StoredKey, audit func(id uint64) AuditEntry) (uint64, error)
	// RevokeKey sets when the key was revoked. A key that is revoked keeps its time, and audit is dropped. NoSuchKey.
	RevokeKey(ctx context.Context, id uint64, at time.Time, audit AuditEntry) error
	// TouchKeys sets when keys were last used, unless a later time is kept. Numbers that do not exist are left out.
	TouchKeys(ctx context.Context, used map[uint64]time.Time) error
}
