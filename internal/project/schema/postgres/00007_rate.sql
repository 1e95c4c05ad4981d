-- +goose Up
set local lock_timeout = '2s';
update schema_use set oldest = 4;

-- How many events a second a project may send; 0 is what the server is set to. What is there already passes the check, and is not
-- read for it.
alter table project add column events_per_second bigint not null default 0;
alter table project add constraint project_events_per_second_check check (events_per_second >= 0) not valid;

-- +goose Down
update schema_use set oldest = 4;
alter table project drop column events_per_second;
