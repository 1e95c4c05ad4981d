-- +goose Up
pragma user_version = 4;

-- The path from the log to the store that a project's events go. A folder has one.
alter table project add column lane integer not null default 0;

-- The processes that share leases. A folder has one process, so nothing is ever in it.
create table attendance (
    assembly   text    not null,
    member     text    not null,
    expires_at integer not null,
    primary key (assembly, member)
) strict;

-- +goose Down
pragma user_version = 4;
drop table attendance;
alter table project drop column lane;
