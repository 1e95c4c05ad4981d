package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/freshet/freshet/internal/lease"
)

var _ lease.Roll = (*Store)(nil)

// now is the time of the database, in microseconds since 1970: those who take leases need not agree on theirs.
const now = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"

// TakeLease implements lease.Source. Of several who take one at a time, the row lets one pass after the other.
func (s *Store) TakeLease(ctx context.Context, r lease.Request, d time.Duration) (g lease.Grant, err error) {
	const take = `with taken as (
			insert into lease as l (name, id, holder, place, term, expires_at) values ($1, $2, $3, $4, $5::bigint + 1, ` + now + ` + $6::bigint)
			on conflict (name) do update set holder = $3, place = $4, term = greatest(l.term, $5::bigint) + 1, expires_at = ` + now + ` + $6::bigint
				where l.holder = $3 or l.expires_at <= ` + now + `
			returning term, id)
		select term, id, '' from taken
		union all select 0, id, place from lease where name = $1 and not exists (select from taken)`
	var term int64
	err = s.leasing(ctx, func(ctx context.Context) error {
		err := s.engine.db.QueryRowContext(ctx, take, r.Name, uuid.NewString(), r.Holder, r.Place, int64(r.Above), d.Microseconds()).Scan(&term, &g.ID, &g.Place)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // somebody was faster by moments
		}
		return err
	})
	if err != nil {
		return lease.Grant{}, fmt.Errorf("take the lease %s: %w", r.Name, err)
	}
	g.Term = uint64(term)
	return g, nil
}

// RenewLease implements lease.Source. One that has run out, and that nobody has taken, is good again.
func (s *Store) RenewLease(ctx context.Context, name string, term uint64, d time.Duration) (held bool, err error) {
	err = s.leasing(ctx, func(ctx context.Context) error {
		result, err := s.engine.db.ExecContext(ctx, "update lease set expires_at = "+now+" + $3::bigint where name = $1 and term = $2::bigint", name, int64(term), d.Microseconds())
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		held = n > 0
		return err
	})
	return held, err
}

// EndLease implements lease.Source.
func (s *Store) EndLease(ctx context.Context, name string, term uint64) error {
	return s.leasing(ctx, func(ctx context.Context) error {
		_, err := s.engine.db.ExecContext(ctx, "update lease set expires_at = 0 where name = $1 and term = $2::bigint", name, int64(term))
		return err
	})
}

// Attend implements lease.Roll. Who has gone is forgotten by the next who looks.
func (s *Store) Attend(ctx context.Context, a lease.Attendance, d time.Duration) (p lease.Present, err error) {
	const (
		note = "insert into attendance (assembly, member, expires_at) values ($1, $2, " + now + " + $3::bigint)" +
			" on conflict (assembly, member) do update set expires_at = excluded.expires_at"
		forget  = "delete from attendance where assembly = $1 and expires_at <= " + now
		members = "select member, '' from attendance where assembly = $1 order by member"
		holders = "select name, holder from lease where name = any($1) and expires_at > " + now
	)
	err = s.leasing(ctx, func(ctx context.Context) error {
		p = lease.Present{Holders: map[string]string{}}
		if _, err := s.engine.db.ExecContext(ctx, note, a.Assembly, a.Member, d.Microseconds()); err != nil {
			return err
		}
		if _, err := s.engine.db.ExecContext(ctx, forget, a.Assembly); err != nil {
			return err
		}
		if err := s.pairs(ctx, func(member, _ string) { p.Members = append(p.Members, member) }, members, a.Assembly); err != nil {
			return err
		}
		return s.pairs(ctx, func(name, holder string) { p.Holders[name] = holder }, holders, a.Leases)
	})
	if err != nil {
		return lease.Present{}, fmt.Errorf("look who shares the leases of %s: %w", a.Assembly, err)
	}
	return p, nil
}

// pairs reads rows of two texts.
func (s *Store) pairs(ctx context.Context, each func(one, other string), sql string, args ...any) (err error) {
	rows, err := s.engine.db.QueryContext(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var one, other string
		if err := rows.Scan(&one, &other); err != nil {
			return err
		}
		each(one, other)
	}
	return rows.Err()
}

// LookLease tells where the holder of a lease is, and for how long it is good still; nothing when nobody has it. It changes nothing.
func LookLease(ctx context.Context, address, name string) (place string, left time.Duration, err error) {
	c, err := parse(address)
	if err != nil {
		return "", 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var micros int64
	err = conn.QueryRow(ctx, "select place, expires_at - "+now+" from lease where name = $1", name).Scan(&place, &micros)
	if errors.Is(err, pgx.ErrNoRows) || code(err) == noTable || err == nil && micros <= 0 {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("look who has the lease %s: %w", name, err)
	}
	return place, time.Duration(micros) * time.Microsecond, nil
}

// noTable is PostgreSQL's code of a table that is not there.
const noTable = "42P01"

// leasing makes a call with one try, for those who ask again anyway.
func (s *Store) leasing(ctx context.Context, try func(context.Context) error) error {
	return s.engine.do(ctx, "lease", s.engine.calls.once, try)
}
