-- +goose Up
pragma user_version = 4;

-- How many events a second a project may send; 0 is what the server is set to.
alter table project add column events_per_second integer not null default 0 check (events_per_second >= 0);

-- +goose Down
pragma user_version = 4;
alter table project drop column events_per_second;
