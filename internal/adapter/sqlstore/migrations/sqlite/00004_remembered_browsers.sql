-- +goose Up
-- Browsers that skip the second proof for a while, and the choice of it while a sign-in waits.
CREATE TABLE remembered_browsers (
    browser_id     TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    application_id TEXT NOT NULL,
    digest         BLOB NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    used_at        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX remembered_browsers_user ON remembered_browsers (user_id);
CREATE INDEX remembered_browsers_application ON remembered_browsers (application_id);
CREATE INDEX remembered_browsers_expiry ON remembered_browsers (expires_at);
ALTER TABLE logins ADD COLUMN remember INTEGER NOT NULL DEFAULT FALSE;
