package sqlite

import (
	"context"
	"testing"
)

// OpenWith is Open with another driver.
func OpenWith(ctx context.Context, dir, driver string) (*Store, error) { return open(ctx, dir, driver) }

// Pragma reads a setting of the connection that the Store uses.
func (s *Store) Pragma(t *testing.T, name string) (value string) {
	t.Helper()
	if err := s.db.QueryRow("pragma " + name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
