-- +goose Up
-- When a person was last asked for a spare way; the time of the reminders there have been is not known any more.
ALTER TABLE users ADD COLUMN spare_reminded_at INTEGER NOT NULL DEFAULT 0;
UPDATE users SET spare_reminded_at = last_login_at WHERE spare_reminders > 0;
-- What a remembered browser is called on the page that lists it.
ALTER TABLE remembered_browsers ADD COLUMN name TEXT NOT NULL DEFAULT '';
-- Opening a pairing link changes nothing, so nothing ever stood here.
ALTER TABLE activations DROP COLUMN opened_at;
