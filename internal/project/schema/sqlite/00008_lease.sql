-- +goose Up
pragma user_version = 4;

-- Who has what only one process may have. A folder has one process, so nothing is ever in it.
create table lease (
    name       text    primary key,
    id         text    not null,
    holder     text    not null,
    place      text    not null,
    term       integer not null check (term > 0),
    expires_at integer not null
) strict;

-- +goose Down
pragma user_version = 4;
drop table lease;
