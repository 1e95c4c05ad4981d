-- +goose Up
set local lock_timeout = '2s';

create table dashboard (
    id          text collate "C" primary key,
    project     bigint not null references project (id),
    name        text collate "C" not null,
    description text   not null,
    tiles       text   not null,
    link        bytea  unique check (length(link) = 32),
    shared_at   bigint check ((shared_at is null) = (link is null)),
    version     bigint not null check (version > 0),
    created_at  bigint not null,
    updated_at  bigint not null
);

create index dashboard_by_project on dashboard (project, name, id);

-- +goose Down
drop table dashboard;
