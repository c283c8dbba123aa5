-- +goose Up
-- Whose an enrollment link is ('' = an administrator's), and the person's epoch when it was made. Those of applications from before
-- name none: they end here, after five minutes at most.
ALTER TABLE enrollment_links ADD COLUMN application_id TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollment_links ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
UPDATE enrollment_links SET epoch = (SELECT u.epoch FROM users u WHERE u.user_id = enrollment_links.user_id);
DELETE FROM enrollment_links WHERE expires_at > 0 AND expires_at - created_at <= 300000000;
-- The link that opened a sign-in.
ALTER TABLE logins ADD COLUMN enrollment_id TEXT NOT NULL DEFAULT '';
