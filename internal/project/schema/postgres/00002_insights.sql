-- +goose Up
set local lock_timeout = '2s';

create table insight (
    id          text collate "C" primary key,
    project     bigint not null references project (id),
    name        text collate "C" not null,
    description text   not null,
    kind        text   not null,
    question    text   not null,
    version     bigint not null check (version > 0),
    created_at  bigint not null,
    updated_at  bigint not null
);

create index insight_by_project on insight (project, name, id);

-- +goose Down
drop table insight;
