-- +goose Up
-- What a program is listed as that may keep a token once this request is approved; '' = it keeps none.
ALTER TABLE transactions ADD COLUMN remember_as TEXT NOT NULL DEFAULT '';
