-- +goose Up
-- Who did it, beside the name that is shown: what they are, and the account or application they act as. '' = of a row
-- from before.
ALTER TABLE action_log ADD COLUMN actor_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE action_log ADD COLUMN actor_id TEXT NOT NULL DEFAULT '';
