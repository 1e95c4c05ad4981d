package drill

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/freshet/freshet/internal/app"
)

// served lets a server bring everything to an end, and compares.
func (d *drill) served(ctx context.Context) (string, error) {
	s, err := d.serve(ctx, d.copy)
	if err != nil {
		return "", err
	}
	if wrong := d.ended(ctx, s); wrong != "" {
		return wrong, nil
	}
	return d.same(ctx)
}

// ended waits until the server has stored everything and stops it. It returns what went wrong.
func (d *drill) ended(ctx context.Context, s *server) string {
	if err := s.whole(ctx, d.copy.Data); err != nil {
		s.kill()
		return err.Error()
	}
	if err := s.stop(); err != nil {
		return err.Error()
	}
	return ""
}

func (d *drill) damageStore(ctx context.Context) (string, error) {
	// The headers at the beginning are what no start can do without.
	if err := d.flip(filepath.Join(d.copy.Data, "store.duckdb"), 3*4096); err != nil {
		return "", err
	}
	return d.served(ctx)
}

func (d *drill) loseStore(ctx context.Context) (string, error) {
	for _, name := range []string{"store.duckdb", "store.duckdb.wal", "store.position"} {
		if err := os.RemoveAll(filepath.Join(d.copy.Data, name)); err != nil {
			return "", err
		}
	}
	return d.served(ctx)
}

func (d *drill) damageArchive(ctx context.Context) (string, error) {
	return d.found(ctx, filepath.Join("archive", "events", "*", "*", "*.parquet"), 0, "the archive has no file")
}

func (d *drill) damageLog(ctx context.Context) (string, error) {
	// At the very end damage cannot be told from a write that was cut off.
	return d.found(ctx, filepath.Join("log", "*.log"), 1, "the log has one segment, whose end cannot be told from a write that was cut off")
}

// found damages the first file of a pattern, but for the last ones, for a moment: a verification must find it. none says
// why there is nothing to damage.
func (d *drill) found(ctx context.Context, pattern string, last int, none string) (string, error) {
	files, err := filepath.Glob(filepath.Join(d.copy.Data, pattern))
	if err != nil {
		return "", err
	}
	if len(files) <= last {
		return "", skipped(none)
	}
	for _, path := range files[:len(files)-last] {
		good, err := os.ReadFile(path)
		if err != nil || len(good) == 0 {
			continue
		}
		if err := d.flip(path, len(good)/2); err != nil {
			return "", err
		}
		v, err := app.Verify(ctx, d.copy, d.Logger, nil)
		if err := errors.Join(err, os.WriteFile(path, good, 0o600)); err != nil {
			return "", err
		}
		if len(v.Problems) == 0 {
			return "a flipped bit of " + filepath.Base(path) + " was not found", nil
		}
		return d.same(ctx)
	}
	return "", skipped(none)
}

// flip changes a bit within the first bytes of a file.
func (d *drill) flip(path string, within int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := min(within, len(b)); n > 0 {
		b[d.random.IntN(n)] ^= 1 << d.random.IntN(8)
	}
	return os.WriteFile(path, b, 0o600)
}

// restore makes the copy anew, without the guest.
func (d *drill) restore(ctx context.Context) (string, error) {
	d.want = d.first
	if err := d.renew(ctx); err != nil {
		return "", err
	}
	return d.same(ctx)
}
