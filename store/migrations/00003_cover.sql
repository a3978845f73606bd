-- +goose Up

-- The table of cover names: each row says that one was given, or ended. Whose it is, is sealed to those who need to know, by key.
create table cover (
	n     integer primary key, -- 1, 2, …
	body  blob    not null,    -- sealed: what the register's entry says
	entry integer not null     -- that entry
);
