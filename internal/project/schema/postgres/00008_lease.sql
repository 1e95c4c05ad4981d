-- +goose Up
set local lock_timeout = '2s';
update schema_use set oldest = 4;

-- Who has what only one process may have. term grows whenever somebody takes it; id is drawn once and tells this database apart.
create table lease (
    name       text   primary key,
    id         text   not null,
    holder     text   not null,
    place      text   not null,
    term       bigint not null check (term > 0),
    expires_at bigint not null
);

-- +goose Down
update schema_use set oldest = 4;
drop table lease;
