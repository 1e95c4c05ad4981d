-- +goose Up
set local lock_timeout = '2s';
update schema_use set oldest = 4;

-- What is said of events and properties. A note that was emptied stays, so that its versions go on.
create table note (
    project     bigint not null references project (id),
    kind        text   not null check (kind in ('event', 'property')),
    name        text collate "C" not null,
    description text   not null,
    owner       text   not null,
    version     bigint not null check (version > 0),
    updated_at  bigint not null,
    primary key (project, kind, name)
);

-- +goose Down
update schema_use set oldest = 1;
drop table note;
