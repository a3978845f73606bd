-- +goose Up

-- The register: series of numbers, the log's entries and hashes, its checkpoints. head is the version of all series: whoever takes a
-- number moves it.
create table series (
	name text primary key,     -- "register 2026", "incoming 2026", "serial BEIJING", "special BEIJING", "lane BEIJING 1 4"
	base integer not null,     -- where it began: 0, or the last number of a paper register
	last integer not null      -- the last number taken
);
create table head (one integer primary key check (one = 1), size integer not null);
insert into head values (1, 0);
create table entry (
	idx  integer primary key,
	kind integer not null,
	leaf blob    not null,     -- the entry as written, what the log hashes
	of   integer,              -- the filed telegram it records, for kinds out and in
	said blob,                 -- sealed: salt and words, for a note
	at   integer not null,
	checkpoint integer not null -- the size of the checkpoint that was signed in the same transaction
);
create index entry_of on entry (of);
create table loghash (idx integer primary key, hash blob not null);
create table checkpoint (size integer primary key, note text not null);

-- Every R and D ever received or sent, for ever: the same telegram under another number is refused.
create table root (root blob primary key, of integer not null);

-- The archive: every telegram sent or received, whole, sealed by the application.
create table filed (
	id         integer primary key,
	way        text    not null check (way in ('out', 'in')),
	year       integer not null,
	number     integer not null,   -- the post's own register number or incoming number
	post       text    not null,   -- the sender
	serial     integer not null,   -- the sender's serial for this post; 0 for what this post sent
	precedence integer not null,
	root       blob    not null,
	body       blob    not null,   -- sealed: the registered telegram
	local      blob,               -- sealed: what this post keeps beside it and never sends
	at         integer not null,   -- registered, or received
	unique (way, year, number)
);
create unique index filed_serial on filed (post, serial) where way = 'in';

-- The desk.
create table draft (
	id      integer primary key,
	state   text    not null check (state in ('draft', 'handed over', 'released', 'registered')),
	precedence integer not null,
	body    blob    not null,      -- sealed
	root    blob,                  -- D once handed over, R once released
	of      integer,               -- the filed telegram, once registered
	held    text,                  -- why a released one is not registered
	changed integer not null
);
create index draft_released on draft (precedence desc, id) where state = 'released';
create table step (
	draft  integer not null,
	n      integer not null,
	what   text    not null check (what in ('drafted', 'edited', 'handed over', 'cleared', 'returned', 'released')),
	person integer not null,       -- who, as the directory numbers them; 0 where nobody signed
	key    integer not null,
	body   blob    not null,       -- sealed: the form, the remark, the signature
	at     integer not null,       -- milliseconds
	primary key (draft, n)
);
create table duty (
	of    integer not null,        -- the filed telegram that asks
	post  text    not null,        -- whose duty it is
	act   text    not null check (act in ('receipt', 'acknowledgement', 'fulfilment')),
	asked integer not null check (asked in (0, 1)),
	due   integer not null,        -- 0: no deadline
	done  integer,                 -- when
	by    integer,                 -- the filed telegram that did it
	ended text check (ended in ('done', 'cannot comply')), -- how; null while it is open
	primary key (of, post, act)
);
create index duty_open on duty (due, of) where asked = 1 and done is null;
-- What was said of an order, on both sides: every report on it, and every grant of more time.
create table deed (
	of    integer not null,        -- the filed telegram that asks
	post  text    not null,        -- whose duty it is about
	act   text    not null check (act in ('acknowledges', 'fulfils', 'part-fulfils', 'asks-time', 'grants-time', 'cannot-comply', 'conveys')),
	by    integer not null,        -- the filed telegram that says it
	serial integer not null,       -- that telegram's: it tells which of two was first, whichever came first
	at    integer not null,        -- seconds: registered by the post that says it
	until integer not null,        -- the time asked for or granted; 0 for the other acts
	primary key (of, post, act, by)
);
-- Grants that overtook the order they cite. They become deeds when it comes.
create table early (
	post   text    not null,       -- the post that gave the order, and
	serial integer not null,       -- its serial for this post
	root   blob    not null,       -- of the order
	by     integer not null,       -- the filed telegram that grants
	own    integer not null,       -- its serial
	at     integer not null,       -- seconds
	until  integer not null,
	primary key (post, serial, by)
);

-- The circuits: what is to go to each post, the sections that went, and the pieces that came.
create table outbox (
	post       text    not null,
	serial     integer not null,
	precedence integer not null,
	of         integer not null,   -- the filed telegram
	root       blob    not null,
	entry      blob    not null,   -- hash of its register entry
	sections   integer not null,   -- how many it makes; 0 while none is sealed
	sealed     integer not null,   -- how many are sealed
	queued     integer not null,   -- milliseconds
	receipted  integer,            -- milliseconds
	receipt    integer,            -- the register's entry of the receipt
	primary key (post, serial)
);
create index outbox_waiting on outbox (post, precedence desc, serial) where receipted is null;
create table wire (
	post       text    not null,
	special    integer not null,
	circuit    integer not null,
	lane       integer not null,
	precedence integer not null,
	serial     integer not null,
	i          integer not null,
	n          integer not null,
	id         blob    not null,   -- message id of the envelope
	size       integer not null,
	envelope   blob,               -- kept until the receipt
	sealed     integer not null,   -- milliseconds
	sent       integer,            -- milliseconds: first handed to the carrier
	sends      integer not null,
	primary key (post, special)
);
create index wire_open on wire (post, precedence desc, special) where envelope is not null;
create index wire_of on wire (post, serial);
create table piece (
	post  text    not null,
	serial integer not null,
	i     integer not null,
	n     integer not null,
	special integer not null,
	precedence integer not null,
	size  integer not null,
	body  blob    not null,        -- sealed
	at    integer not null,        -- milliseconds
	primary key (post, serial, i)
);
create table arrival (
	of      integer primary key,   -- the filed telegram
	specials text   not null,      -- the sender's special numbers, "1691,1692"
	first   integer not null,      -- milliseconds: first section, last section, opened and registered in
	last    integer not null,
	opened  integer not null,
	bytes   integer not null
);
create table alarm (
	id   integer primary key,
	at   integer not null,
	post text    not null,
	what text    not null,         -- sealed by the application where it could tell something
	times integer not null
);

-- The directory's versions, and the post's own settings.
create table directory (size integer primary key, file blob not null, adopted integer not null);
create table setting (name text primary key, value text not null);

-- Numbers of rows that mean nothing outside: drafts, filed telegrams, alarms.
create table counter (name text primary key, last integer not null);

-- Which of several processes on one PostgreSQL owns a way: what comes in, or what goes to one post.
create table owner (way text primary key, process text not null, until integer not null);
