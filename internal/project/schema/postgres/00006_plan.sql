-- +goose Up
set local lock_timeout = '2s';
update schema_use set oldest = 4;

-- What a project expects of its events. A plan that was taken away stays as an empty text, so that its versions go on.
create table plan (
    project    bigint primary key references project (id),
    document   text   not null,
    version    bigint not null check (version > 0),
    updated_at bigint not null
);

-- +goose Down
update schema_use set oldest = 4;
drop table plan;
