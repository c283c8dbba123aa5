-- +goose Up
-- A row of users is an account: '' = a person's, 'administrator' = one of the console's people, who has no row in
-- user_names and whose username is 'administrator|' and the name they sign in with. No person's name holds a '|'.
ALTER TABLE users ADD COLUMN kind TEXT NOT NULL DEFAULT '';
