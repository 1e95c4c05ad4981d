-- Times are microseconds since 1970, UTC. AUTOINCREMENT: numbers are never used again.

-- +goose Up
create table project (
    id                  integer primary key autoincrement,
    name                text    not null unique,
    timezone            text    not null,
    week_start          text    not null check (week_start in ('monday', 'sunday')),
    retention_days      integer not null check (retention_days >= 0),
    session_gap_minutes integer not null check (session_gap_minutes > 0),
    created_at          integer not null
) strict;

create table key (
    id           integer primary key autoincrement,
    project      integer not null references project (id),
    kind         text    not null check (kind in ('write', 'read', 'admin')),
    name         text    not null,
    hint         text    not null,
    hash         blob    not null unique check (length(hash) = 32),
    created_at   integer not null,
    last_used_at integer,
    revoked_at   integer
) strict;

-- project has no foreign key: an entry outlives what it is about.
create table audit (
    id      integer primary key autoincrement,
    at      integer not null,
    actor   text    not null,
    action  text    not null,
    project integer not null,
    detail  text    not null
) strict;

-- +goose StatementBegin
create trigger audit_keeps_its_words before update on audit begin
    select raise(abort, 'audit entries are not changed');
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger audit_keeps_its_rows before delete on audit begin
    select raise(abort, 'audit entries are not deleted');
end;
-- +goose StatementEnd
