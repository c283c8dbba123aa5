-- +goose Up
-- What applications of other types set, what people prefer in the traditional prompt, and what its
-- wizard asks about a phone.
ALTER TABLE applications ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN default_phone TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN auto_action TEXT NOT NULL DEFAULT '';
ALTER TABLE phones ADD COLUMN type TEXT NOT NULL DEFAULT '';
ALTER TABLE activations ADD COLUMN number TEXT NOT NULL DEFAULT '';
ALTER TABLE activations ADD COLUMN device_type TEXT NOT NULL DEFAULT '';
