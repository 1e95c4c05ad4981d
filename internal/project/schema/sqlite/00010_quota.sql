-- +goose Up
pragma user_version = 4;

-- How many events of a project are stored in a month, 0 as many as come; and the last month of which so many were, as the months since year 0.
alter table project add column events_per_month integer not null default 0 check (events_per_month >= 0);
alter table project add column spent integer not null default 0;

-- +goose Down
pragma user_version = 4;
alter table project drop column spent;
alter table project drop column events_per_month;
