-- +goose Up

-- Frames: which chain goes to each post and its next number, which came from it, and the newest one-time key that each has given. The chains and
-- keys themselves are secrets that are burnt: they lie outside the database.
create table chain_out (
	post   text    primary key,
	chain  blob    not null,
	next   integer not null,
	opened integer not null,     -- milliseconds
	serial integer not null,     -- of the telegram whose letter opened it
	precedence integer not null, -- and of that letter
	confirmed integer not null check (confirmed in (0, 1)) -- the post has signed for that telegram
);
create table chain_in (
	post   text    primary key,
	chain  blob    not null,     -- the newest
	opened integer not null      -- milliseconds
);
create table peer_key (
	post  text    primary key,
	id    blob    not null,
	xwing blob    not null,
	at    integer not null       -- seconds: signed at
);
-- What was opened with a key that was burnt: only the very same bytes are known again by it.
create table opened (
	digest blob    primary key,
	post   text    not null,
	serial integer not null,
	at     integer not null      -- milliseconds
);
create index opened_at on opened (at);
-- Keys of frames that are used and perhaps still on disk.
create table burn (
	n       integer primary key,
	chain   blob    not null,
	numbers blob    not null
);
-- Telegrams that went in the brief form: the signature is still to follow.
create table late (
	post   text    not null,
	serial integer not null,
	of     integer not null,
	since  integer not null,     -- milliseconds: sealed
	tries  integer not null,
	again  integer not null,     -- milliseconds: when it is sent next
	primary key (post, serial)
);
-- Telegrams that came in the brief form.
create table brief (
	of     integer primary key,  -- the filed telegram
	post   text    not null,
	serial integer not null,
	came   integer not null,     -- milliseconds
	state  text    not null check (state in ('open', 'verified', 'false', 'overdue'))
);
create index brief_open on brief (came) where state = 'open';
alter table outbox add column brief blob; -- what a receipt names, where it went in the brief form
alter table peer add column signed integer not null default 0; -- seconds: the newest time that the post has signed
