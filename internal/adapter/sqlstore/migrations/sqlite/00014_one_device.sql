-- +goose Up
-- What tells that two phones of a person are one device: digests of the storage that the app keeps its keys in, and of the address
-- its alerts go to. Apps from before say the one when they are paired anew, the other when they are opened.
ALTER TABLE phones ADD COLUMN instance BLOB;
ALTER TABLE phones ADD COLUMN endpoint BLOB;
-- The first call that a key signed. From then on the answer to its pairing is not given again.
ALTER TABLE phone_keys ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;
