-- +goose Up
create table cohort (
    id          integer primary key autoincrement,
    project     integer not null references project (id),
    name        text    not null,
    description text    not null,
    definition  text    not null,
    static      integer not null check (static in (0, 1)),
    frozen_at   integer,
    frozen      integer not null,
    version     integer not null check (version > 0),
    created_at  integer not null,
    updated_at  integer not null,
    unique (project, name)
) strict;

-- Which cohorts a definition names.
create table cohort_use (
    cohort integer not null references cohort (id) on delete cascade,
    uses   integer not null references cohort (id),
    primary key (cohort, uses)
) strict, without rowid;

create index cohort_used_by on cohort_use (uses);

-- The people of static cohorts, in parts of numbers of 8 bytes, the highest byte first.
create table cohort_people (
    cohort integer not null references cohort (id) on delete cascade,
    part   integer not null,
    people blob    not null,
    primary key (cohort, part)
) strict;

-- +goose Down
drop table cohort_people;
drop table cohort_use;
drop table cohort;
