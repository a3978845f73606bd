-- +goose Up

-- Of telegrams received: when somebody here first opened it, and whether its sender was told.
create table seen (
	of    integer primary key,   -- the filed telegram
	at    integer not null,      -- seconds
	tries integer not null,
	again integer                -- milliseconds: when its sender is told next; null: he was told often enough
);
-- Of telegrams sent: the statement of a post that somebody opened it.
create table seen_there (
	post   text    not null,
	serial integer not null,
	at     integer not null,     -- seconds: as that post says
	said   blob    not null,     -- the signed statement
	primary key (post, serial)
);
-- What went to each post and came from it, in bytes of envelopes, by day.
create table traffic (
	post text    not null,
	day  integer not null,       -- days since 1970, in UTC
	sent integer not null,
	came integer not null,
	primary key (post, day)
);
alter table peer add column heard integer not null default 0; -- milliseconds: when something genuine last came from it
