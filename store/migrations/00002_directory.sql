-- +goose Up

-- The directory's versions: each time a list was adopted that said more than the one before. The newest row's file is the whole file; as
-- each later list begins with the signed part of the older ones, an older row's file begins at its checkpoint.
create table adoption (
	n       integer primary key, -- 1, 2, …
	size    integer not null,    -- statements under the checkpoint
	total   integer not null,    -- and with those of the tail
	file    blob    not null,
	adopted integer not null,    -- seconds
	entry   integer              -- the register's entry of it; null until it is entered, in the same transaction
);
insert into adoption
	select d.n, d.size, d.size, d.file, d.adopted, e.idx
	from (select row_number() over (order by size) as n, size, file, adopted from directory) d
	left join (select row_number() over (order by idx) as n, idx from entry where kind = 4) e on e.n = d.n;
drop table directory;

-- What is known of the directory that each other post has, so that it can be sent what it lacks.
create table peer (
	post  text    primary key,
	size  integer not null,      -- statements under its checkpoint, as its newest letter says
	tail  blob    not null,      -- digest of the tail it said it has; empty: not known
	told  integer not null,      -- milliseconds: when it was last sent what it lacks; 0: never
	version integer not null     -- and of which version that was
);
