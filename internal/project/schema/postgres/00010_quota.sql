-- +goose Up
set local lock_timeout = '2s';
update schema_use set oldest = 4;

-- How many events of a project are stored in a month, 0 as many as come; and the last month of which so many were, as the months since year 0.
alter table project add column events_per_month bigint not null default 0;
alter table project add constraint project_events_per_month_check check (events_per_month >= 0) not valid;
alter table project add column spent bigint not null default 0;

-- +goose Down
update schema_use set oldest = 4;
alter table project drop column spent;
alter table project drop column events_per_month;
