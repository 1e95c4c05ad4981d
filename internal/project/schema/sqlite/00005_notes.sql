-- +goose Up
pragma user_version = 4;

-- What is said of events and properties. A note that was emptied stays, so that its versions go on.
create table note (
    project     integer not null references project (id),
    kind        text    not null check (kind in ('event', 'property')),
    name        text    not null,
    description text    not null,
    owner       text    not null,
    version     integer not null check (version > 0),
    updated_at  integer not null,
    primary key (project, kind, name)
) strict, without rowid;

-- +goose Down
pragma user_version = 0;
drop table note;
