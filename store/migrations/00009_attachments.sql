-- +goose Up

-- Attachments of telegrams and drafts, and how far each is here. Their pieces lie in files beside the database, or in an object store.
create table attachment (
	id         integer primary key,
	draft      integer,            -- the draft of this post that has it
	of         integer,            -- the filed telegram that has it
	k          integer not null,   -- which of its attachments, from 1; 0 while nothing has it
	post       text    not null,   -- the post that sent the telegram
	precedence integer not null,   -- of the telegram, for this post
	body       blob    not null,   -- sealed: what the telegram says of it
	pieces     integer not null,   -- how many it makes
	here       integer not null,   -- how many of them are here
	state      text    not null check (state in ('loading', 'coming', 'whole', 'checked', 'damaged', 'left')),
	why        text,               -- why it is damaged or left
	changed    integer not null    -- milliseconds: when the last piece came, or the state changed
);
create unique index attachment_of on attachment (of, k) where of is not null;
create index attachment_draft on attachment (draft) where draft is not null;
create index attachment_open on attachment (state) where state <> 'checked';
-- The pieces that are here, under the digest by which their files are named.
create table attachment_piece (
	attachment integer not null,
	i          integer not null,   -- from 0
	digest     blob    not null,
	primary key (attachment, i)
);
create index attachment_piece_digest on attachment_piece (digest);
-- What other posts asked for. A row stays when it was answered, so that no ask is answered twice.
create table ask (
	post       text    not null,
	id         blob    not null,
	came       integer not null,   -- milliseconds
	attachment integer not null,
	body       blob    not null,   -- sealed: what it says; empty once it is answered
	answered   integer,            -- milliseconds
	primary key (post, id)
);
create index ask_open on ask (post, came) where answered is null;
-- How far an attachment is at the posts to which it was sent, as they last said.
create table attachment_there (
	attachment integer not null,
	post       text    not null,
	here       integer not null,
	checked    integer not null check (checked in (0, 1)),
	at         integer not null,   -- milliseconds
	primary key (attachment, post)
);
