-- +goose Up

-- A telegram can cancel, correct, readdress or repeat another: the history of a telegram has these acts too, and a duty can end as cancelled.
create table deed_next (
	of    integer not null,        -- the filed telegram
	post  text    not null,        -- whose duty it is about, or for whom it counts
	act   text    not null check (act in ('acknowledges', 'fulfils', 'part-fulfils', 'asks-time', 'grants-time', 'cannot-comply', 'conveys',
		'cancels', 'corrects', 'readdresses', 'repeats')),
	by    integer not null,        -- the filed telegram that says it
	serial integer not null,       -- that telegram's: it tells which of two was first, whichever came first
	at    integer not null,        -- seconds: registered by the post that says it
	until integer not null,        -- the time asked for or granted; 0 for the other acts
	primary key (of, post, act, by)
);
insert into deed_next select of, post, act, by, serial, at, until from deed;
drop table deed;
alter table deed_next rename to deed;
create table duty_next (
	of    integer not null,        -- the filed telegram that asks
	post  text    not null,        -- whose duty it is
	act   text    not null check (act in ('receipt', 'acknowledgement', 'fulfilment')),
	asked integer not null check (asked in (0, 1)),
	due   integer not null,        -- 0: no deadline
	done  integer,                 -- when
	by    integer,                 -- the filed telegram that did it
	ended text check (ended in ('done', 'cannot comply', 'cancelled')), -- how; null while it is open
	primary key (of, post, act)
);
insert into duty_next select of, post, act, asked, due, done, by, ended from duty;
drop table duty;
alter table duty_next rename to duty;
create index duty_open on duty (due, of) where asked = 1 and done is null;

-- What overtook the telegram that it cites: a grant of more time, a cancel, a correction, a repeat. It becomes a deed when that one comes.
create table early_next (
	post   text    not null,       -- the post that sent both, and
	serial integer not null,       -- the cited serial for this post
	root   blob    not null,       -- of the telegram that is cited
	act    text    not null check (act in ('grants-time', 'cancels', 'corrects', 'repeats')),
	by     integer not null,       -- the filed telegram that cites it
	own    integer not null,       -- its serial
	at     integer not null,       -- seconds
	until  integer not null,
	primary key (post, serial, act, by)
);
insert into early_next select post, serial, root, 'grants-time', by, own, at, until from early;
drop table early;
alter table early_next rename to early;
create index early_by on early (by);

-- Each tenth section below Flash goes to the telegram that has waited longest.
alter table wire add column turn integer not null default 0; -- how many sections below Flash were sealed for the post, with this one
create index outbox_oldest on outbox (post, queued, serial) where receipted is null;

-- Who has used flash and override is counted.
create index filed_urgent on filed (at, id) where precedence >= 4;
