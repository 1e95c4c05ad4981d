-- +goose Up
set local lock_timeout = '2s';
update schema_use set oldest = 4;

-- The path from the log to the store that a project's events go; written once. Those of before are on the first.
alter table project add column lane bigint not null default 0;

-- The processes that share leases, until when they are there if they say nothing more.
create table attendance (
    assembly   text   not null,
    member     text   not null,
    expires_at bigint not null,
    primary key (assembly, member)
);

-- +goose Down
update schema_use set oldest = 4;
drop table attendance;
alter table project drop column lane;
