-- +goose Up
set local lock_timeout = '2s';

create table cohort (
    id          bigint generated always as identity primary key,
    project     bigint  not null references project (id),
    name        text collate "C" not null,
    description text    not null,
    definition  text    not null,
    static      boolean not null,
    frozen_at   bigint,
    frozen      bigint  not null,
    version     bigint  not null check (version > 0),
    created_at  bigint  not null,
    updated_at  bigint  not null,
    unique (project, name)
);

-- Which cohorts a definition names.
create table cohort_use (
    cohort bigint not null references cohort (id) on delete cascade,
    uses   bigint not null references cohort (id),
    primary key (cohort, uses)
);

create index cohort_used_by on cohort_use (uses);

-- The people of static cohorts, in parts of numbers of 8 bytes, the highest byte first.
create table cohort_people (
    cohort bigint not null references cohort (id) on delete cascade,
    part   bigint not null,
    people bytea  not null,
    primary key (cohort, part)
);

-- +goose Down
drop table cohort_people;
drop table cohort_use;
drop table cohort;
