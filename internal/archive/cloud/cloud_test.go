package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"gocloud.dev/blob/memblob"
)

// TestBucket does with a bucket in memory what the archive and backups do.
func TestBucket(t *testing.T) {
	b := wrap(memblob.OpenBucket(nil), Options{})
	content := make([]byte, 3<<20)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	o, err := b.Create(t.Context(), "events/a")
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(content, 100_000) {
		if _, err := o.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := b.List(t.Context(), "events/"); err != nil || len(names) != 0 {
		t.Errorf("before it is complete there are %v, %v", names, err)
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Read(t.Context(), "events/a"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes come back, %v", len(got), err)
	}
	if _, err := b.Read(t.Context(), "events/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	for i := range listPage + 5 {
		if err := b.Upload(t.Context(), fmt.Sprint("many/", i), strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	names, err := b.List(t.Context(), "many/")
	if err != nil || len(names) != listPage+5 || !slices.IsSorted(names) {
		t.Errorf("%d names, %v", len(names), err)
	}
	for range 2 {
		if err := b.Delete(t.Context(), names[0]); err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestCalls has calls fail and looks how often they are made, and for how long.
func TestCalls(t *testing.T) {
	permanent := errors.New("no")
	for name, c := range map[string]struct {
		fails, made int
		err         error
		after       time.Duration
	}{
		"at once":           {fails: 0, made: 1},
		"after two tries":   {fails: 2, made: 3, after: 3 * time.Second},
		"never":             {fails: 100, made: tries, err: permanent, after: 15 * time.Second},
		"missing":           {fails: 100, made: 1, err: fs.ErrNotExist},
		"cancelled by them": {fails: 100, made: 1, err: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := newCalls(Options{Timeout: time.Second, Logger: slog.New(slog.DiscardHandler)})
				began, made := time.Now(), 0
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				err := calls.do(ctx, "read", "x", func(ctx context.Context, _ func(int64)) error {
					made++
					if made > c.fails {
						return nil
					}
					if errors.Is(c.err, context.Canceled) {
						cancel()
						return ctx.Err()
					}
					if c.err == nil {
						return permanent
					}
					return c.err
				})
				if made != c.made || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
					t.Errorf("%d tries, %v", made, err)
				}
				if took := time.Since(began); took > c.after {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestSlow gives a call that hangs up, and one that moves bytes the time for them.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := newCalls(Options{Timeout: time.Second, Logger: slog.New(slog.DiscardHandler)})
		hangs := func(ctx context.Context, _ func(int64)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		if err := calls.do(t.Context(), "read", "x", hangs); !errors.Is(err, errSlow) {
			t.Error(err)
		}
		if took := time.Since(began); took < tries*time.Second || took > (tries+15)*time.Second {
			t.Errorf("given up after %s", took)
		}
		if err := calls.do(t.Context(), "read", "x", func(ctx context.Context, moves func(int64)) error {
			moves(100 * leastRate)
			select {
			case <-time.After(99 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}); err != nil {
			t.Error(err)
		}
	})
}

// TestBreaker leaves a bucket alone that has failed several times in a row, asks it now and then, and finds out that it is back.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prometheus.NewRegistry()
		calls := newCalls(Options{Timeout: time.Second, Logger: slog.New(slog.DiscardHandler), Registerer: r})
		away, made := true, 0
		call := func() error {
			return calls.do(t.Context(), "list", "x", func(context.Context, func(int64)) error {
				made++
				if away {
					return errors.New("connection refused")
				}
				return nil
			})
		}
		for range 2 {
			if call() == nil {
				t.Fatal("a call to a bucket that is away succeeded")
			}
		}
		if made != breakAfter {
			t.Errorf("%d calls before it is left alone", made)
		}
		for range 100 {
			if err := call(); !errors.Is(err, ErrAway) {
				t.Fatal(err)
			}
		}
		if made != breakAfter || metric(t, r, "freshet_bucket_away") != 1 {
			t.Errorf("%d calls, away is %v", made, metric(t, r, "freshet_bucket_away"))
		}
		<-time.After(breakFor)
		if err := call(); err == nil || made != breakAfter+1 {
			t.Errorf("%d calls and %v after a while", made, err)
		}
		away = false
		<-time.After(breakFor)
		for range 3 {
			if err := call(); err != nil {
				t.Errorf("it is back: %v", err)
			}
		}
		if metric(t, r, "freshet_bucket_away") != 0 {
			t.Error("it is still said to be away")
		}
	})
}

func metric(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	if i < 0 {
		t.Fatalf("there is no %s", name)
	}
	return families[i].GetMetric()[0].GetGauge().GetValue()
}

func TestAddresses(t *testing.T) {
	for address, is := range map[string]bool{
		"s3://b/f?region=eu-west-1": true, "gs://b": true, "azblob://c/f": true, "/backup": false, "s3": false, "http://x": false, "C:\\x": false,
	} {
		if Is(address) != is {
			t.Errorf("%s: %t", address, !is)
		}
	}
	for _, address := range []string{"s3:///x", "http://b", "s3://b?nonsense=1", "%"} {
		if _, err := Open(t.Context(), Options{URL: address}); err == nil {
			t.Errorf("%s was opened", address)
		}
	}
}
