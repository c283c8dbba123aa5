-- +goose Up
-- What was proved, by which authenticator, at which epoch of the account: everything that a proof opened keeps it as
-- "factor|authenticator|browser|epoch" and is good only while it holds. Rows from before have none, so what they opened ends: a sign-in
-- on its way is begun again, and a remembered browser is asked once.
ALTER TABLE users ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE logins ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE logins ADD COLUMN manage_proof TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE remembered_browsers ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE transactions ADD COLUMN proof TEXT NOT NULL DEFAULT '';
-- A pairing code names the epoch of its person, and the application on whose word it was made.
ALTER TABLE activations ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activations ADD COLUMN application_id TEXT NOT NULL DEFAULT '';
-- And the sign-in that led to its page, so that a phone paired from it can be found when the person says that it was not theirs.
ALTER TABLE activations ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE transactions ADD COLUMN reported_at INTEGER NOT NULL DEFAULT 0;
-- And the key that was bound, and what proved the claim: the key of a phone's app, or a code of the help desk, by ID.
ALTER TABLE activations ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE activations ADD COLUMN proved_by TEXT NOT NULL DEFAULT '';
CREATE INDEX activations_proved_by ON activations (proved_by) WHERE proved_by <> '';
CREATE INDEX activations_origin ON activations (origin) WHERE origin <> '';
