-- +goose Up
create table series(
	name text primary key,
	next integer not null
) strict;
