-- Times are microseconds since 1970, UTC. Names are compared and ordered by their bytes, as in SQLite. Numbers are never used
-- again.

-- +goose Up
set local lock_timeout = '2s';

-- The oldest schema whose programs can use the present one.
create table schema_use (
    oldest bigint not null
);
insert into schema_use (oldest) values (1);

create table project (
    id                  bigint generated always as identity primary key,
    name                text collate "C" not null unique,
    timezone            text   not null,
    week_start          text   not null check (week_start in ('monday', 'sunday')),
    retention_days      bigint not null check (retention_days >= 0),
    session_gap_minutes bigint not null check (session_gap_minutes > 0),
    created_at          bigint not null
);

create table key (
    id           bigint generated always as identity primary key,
    project      bigint not null references project (id),
    kind         text   not null check (kind in ('write', 'read', 'admin')),
    name         text   not null,
    hint         text   not null,
    hash         bytea  not null unique check (length(hash) = 32),
    created_at   bigint not null,
    last_used_at bigint,
    revoked_at   bigint
);

-- project has no foreign key: an entry outlives what it is about.
create table audit (
    id      bigint generated always as identity primary key,
    at      bigint not null,
    actor   text   not null,
    action  text   not null,
    project bigint not null,
    detail  text   not null
);

-- +goose StatementBegin
create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit entries are neither changed nor deleted';
end
$$;
-- +goose StatementEnd

create trigger audit_keeps_its_words before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();
