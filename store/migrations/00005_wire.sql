-- +goose Up

-- What a telegram made on a circuit is asked for in the order of special numbers. Without them in the index SQLite reads all that ever went to the post.
drop index wire_of;
create index wire_of on wire (post, serial, special);
