-- +goose Up
create table insight (
    id          text    primary key,
    project     integer not null references project (id),
    name        text    not null,
    description text    not null,
    kind        text    not null,
    question    text    not null,
    version     integer not null check (version > 0),
    created_at  integer not null,
    updated_at  integer not null
) strict;

create index insight_by_project on insight (project, name, id);

-- +goose Down
drop table insight;
