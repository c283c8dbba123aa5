-- +goose Up
-- What a door without a browser says about a request, and what it is told of the decision.
ALTER TABLE transactions ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE transactions ADD COLUMN info TEXT NOT NULL DEFAULT '';
ALTER TABLE transactions ADD COLUMN factor TEXT NOT NULL DEFAULT '';
ALTER TABLE transactions ADD COLUMN reason TEXT NOT NULL DEFAULT '';
