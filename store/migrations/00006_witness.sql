-- +goose Up

-- What this post has said to each other about registers, and what the other said it holds of this post's.
alter table peer add column holds     integer not null default 0; -- leaves of this post's register
alter table peer add column exchanged integer not null default 0; -- milliseconds: when it was last told; 0: never

-- The registers of other posts, as they were shown to this one: salted hashes, which tell nothing of what is entered.
create table followed (
	post  text    primary key,
	start integer not null,      -- the first leaf that is held
	size  integer not null,      -- and how many there are
	root  blob    not null,
	note  text    not null,      -- the newest checkpoint, as that post signed it
	at    integer not null       -- seconds: when that post says that its register was so
);
create table followed_leaf (
	post   text    not null,
	n      integer not null,     -- leaves 1024 n to 1024 n + 1023
	first  integer not null,     -- the first of them that is held
	edge   blob    not null,     -- the complete subtrees of the log before it, the largest first
	hashes blob    not null,
	primary key (post, n)
);
create table followed_at (
	post text    not null,
	size integer not null,
	at   integer not null,       -- seconds: the last time at which that post said that its register had this size
	came integer not null,       -- milliseconds: when it was first said here
	primary key (post, size)
);
-- The newest signature of each other post under a checkpoint of this post's register.
create table cosignature (
	post  text    primary key,
	size  integer not null,
	lines text    not null,
	at    integer not null       -- milliseconds
);
-- The first proof against a post that showed two registers.
create table contradiction (
	post   text    primary key,
	at     integer not null,     -- milliseconds
	what   text    not null,
	ours   text    not null,     -- the checkpoint that was known here
	theirs text    not null      -- the one that contradicts it
);
-- Whether the sender's register, as it was shown here, has the entry of a telegram that was received.
create table proof (
	of         integer primary key, -- the filed telegram
	post       text    not null,
	entry      blob    not null,    -- hash of the sender's entry
	registered integer not null,    -- seconds: when the sender says it was entered
	came       integer not null,    -- milliseconds
	idx        integer,             -- its place there, once it was found
	state      text    not null check (state in ('open', 'proven', 'too late', 'missing'))
);
create index proof_open on proof (post) where state = 'open';
