package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/freshet/freshet/internal/project"
)

// TestCalls has calls fail and looks how often they are made, and for how long.
func TestCalls(t *testing.T) {
	refused := errors.New("connection refused")
	for name, c := range map[string]struct {
		fails, made int
		with        error
	}{
		"at once":             {0, 1, refused},
		"after two tries":     {2, 3, refused},
		"never":               {100, tries, refused},
		"a lost race":         {1, 2, &pgconn.PgError{Code: "40001"}},
		"a deadlock":          {1, 2, &pgconn.PgError{Code: "40P01"}},
		"a shutdown":          {1, 2, &pgconn.PgError{Code: "57P01"}},
		"a lock":              {1, 2, &pgconn.PgError{Code: "55P03"}},
		"a standby":           {1, 2, &pgconn.PgError{Code: readOnly}},
		"a wrong statement":   {100, 1, &pgconn.PgError{Code: "42601"}},
		"a wrong password":    {100, 1, &pgconn.PgError{Code: "28P01"}},
		"a name that is used": {100, 1, project.NameTaken("x")},
		"no row":              {100, 1, sql.ErrNoRows},
		"given up by them":    {100, 1, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := newCalls(Options{Timeout: time.Second, Logger: slog.New(slog.DiscardHandler)})
				made, began := 0, time.Now()
				err := calls.do(t.Context(), "read", calls.again, func(context.Context) error {
					if made++; made > c.fails {
						return nil
					}
					return fmt.Errorf("query: %w", c.with)
				})
				if made != c.made || (err == nil) != (c.made > c.fails) || err != nil && !errors.Is(err, c.with) {
					t.Errorf("%d tries, %v", made, err)
				}
				if took := time.Since(began); took > callTimeout {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// TestSlow gives a call that hangs up, try by try, and all of it in time.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := newCalls(Options{Timeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)})
		began, made := time.Now(), 0
		err := calls.do(t.Context(), "change", calls.again, func(ctx context.Context) error {
			made++
			<-ctx.Done()
			return ctx.Err()
		})
		if took := time.Since(began); !errors.Is(err, errSlow) || made < 2 || took > callTimeout {
			t.Errorf("given up after %s and %d tries: %v", took, made, err)
		}
	})
}

// TestBreaker leaves a database alone that has failed several times in a row, and finds out that it is back.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := prometheus.NewRegistry()
		calls := newCalls(Options{Timeout: time.Second, Logger: slog.New(slog.DiscardHandler), Registerer: r})
		away, made := true, 0
		call := func() error {
			return calls.do(t.Context(), "look", calls.once, func(context.Context) error {
				if made++; away {
					return errors.New("connection refused")
				}
				return nil
			})
		}
		for range 100 {
			if call() == nil {
				t.Fatal("a call to a database that is away succeeded")
			}
		}
		if err := call(); made != breakAfter || !errors.Is(err, ErrAway) {
			t.Errorf("%d calls before it is left alone, then %v", made, err)
		}
		if n, err := testutil.GatherAndCount(r, "freshet_project_calls_total"); err != nil || n != 2 {
			t.Errorf("%d results are counted, want failed and away: %v", n, err)
		}
		away = false
		<-time.After(breakFor)
		if err := call(); err != nil {
			t.Errorf("it is back: %v", err)
		}
	})
}

func TestSpelling(t *testing.T) {
	for given, want := range map[string]string{
		"select 1":                             "select 1",
		"insert into a (b, c) values (?, ?)":   "insert into a (b, c) values ($1, $2)",
		"update a set b = ? where c = ? and d": "update a set b = $1 where c = $2 and d",
	} {
		if got := spell(given); got != want {
			t.Errorf("%s is spelled %s", given, got)
		}
	}
	type kind string
	got := plain([]any{kind("write"), uint32(7), 5, nil, true, []byte{1}})
	if got[0] != "write" || got[1] != int64(7) || got[2] != int64(5) || got[3] != nil || got[4] != true {
		t.Errorf("%#v", got)
	}
}

func TestAddresses(t *testing.T) {
	for address, right := range map[string]bool{
		"postgres://freshet@db/freshet":                                                     true,
		"postgresql://freshet:x@db:5433/freshet?sslmode=verify-full":                        true,
		"postgres://a@one:5432,two:5433/db?target_session_attrs=read-write&sslmode=require": true,
		"mysql://a@b/c":                   false,
		"host=db user=freshet":            false,
		"postgres://db:port/freshet":      false,
		"postgres://a@b/c?sslmode=secure": false,
	} {
		err := Check(address)
		if (err == nil) != right {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := Check("postgres://a:hush@b:x/c"); err == nil || containsSecret(err) {
		t.Errorf("a password is told: %v", err)
	}
}

func containsSecret(err error) bool {
	for i, s := 0, err.Error(); i+4 <= len(s); i++ {
		if s[i:i+4] == "hush" {
			return true
		}
	}
	return false
}
