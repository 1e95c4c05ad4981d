-- +goose Up
create table dashboard (
    id          text    primary key,
    project     integer not null references project (id),
    name        text    not null,
    description text    not null,
    tiles       text    not null,
    link        blob    unique check (length(link) = 32),
    shared_at   integer check ((shared_at is null) = (link is null)),
    version     integer not null check (version > 0),
    created_at  integer not null,
    updated_at  integer not null
) strict;

create index dashboard_by_project on dashboard (project, name, id);

-- +goose Down
drop table dashboard;
