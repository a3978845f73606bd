-- +goose Up

-- Which numbers of other posts' series are accounted for, in runs: between two of them something is missing.
create table accounted (
	post   text    not null,
	series integer not null,     -- 65536 × what it counts (0 telegrams, 1 sections, 2 the sections of a lane) + 256 × circuit + type or precedence
	first  integer not null,
	last   integer not null,
	at     integer not null,     -- milliseconds: when it first showed that something is missing before first
	primary key (post, series, first)
);
insert into accounted (post, series, first, last, at)
	select post, grade, min(n), max(n), 1000 * min(at) from (
		select post, at, case serial / 1073741824 when 0 then 0 when 2 then 1 else 2 end as grade, serial % 1073741824 as n,
			serial % 1073741824 - row_number() over (partition by post, serial / 1073741824 order by serial) as island
		from filed where way = 'in') as x
	group by post, grade, island;
-- Of these posts sections came before they were counted.
insert into accounted (post, series, first, last, at) select distinct post, -1, 0, 0, 0 from filed where way = 'in';

-- What each other post and this one have told each other of their last numbers, and asked for.
create table reckoning (
	post     text    primary key,
	told     integer not null default 0, -- milliseconds: when this post's last numbers were last sent, or were to be told from
	said     integer not null default 0, -- milliseconds: the time that they bore, which only rises
	since    integer not null default 0, -- milliseconds: when this post began to reckon; 0: not yet
	owed     integer not null default 0 check (owed in (0, 1)), -- they are to be sent at once
	asked    integer not null default 0, -- milliseconds: the time that this post's last repeat request bore
	wanted   integer not null default 0, -- milliseconds: the time that the other's last repeat request bore
	at       integer not null default 0, -- milliseconds: the time that the other's last numbers bore
	came     integer not null default 0, -- milliseconds: when they came; 0: none did
	says     blob                        -- they, as a signed service message
);

alter table wire add column asked integer;      -- milliseconds: when the other post last asked for it
alter table wire add column asks integer not null default 0; -- how often
alter table wire add column superseded integer; -- the register's entry by which its telegram was sealed anew
alter table outbox add column anew integer;     -- the register's entry by which it was last sealed anew

-- An alarm is open until it mends itself or a person closes it.
alter table alarm add column cause text not null default ''; -- by which it mends itself
alter table alarm add column closed integer;                 -- milliseconds
alter table alarm add column why text;                       -- it was last closed

-- What proves that a post gave one number to two telegrams.
create table evidence (
	post   text    not null,
	serial integer not null,
	at     integer not null,      -- milliseconds
	first  integer,               -- the filed telegram that has the number, if any
	body   blob    not null,      -- sealed: the letter that contradicts it, and what its sender signed
	primary key (post, serial)
);
