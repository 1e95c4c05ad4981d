-- +goose Up
pragma user_version = 4;

-- What a project expects of its events. A plan that was taken away stays as an empty text, so that its versions go on.
create table plan (
    project    integer primary key references project (id),
    document   text    not null,
    version    integer not null check (version > 0),
    updated_at integer not null
) strict;

-- +goose Down
pragma user_version = 4;
drop table plan;
