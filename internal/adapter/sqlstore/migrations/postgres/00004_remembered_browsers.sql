-- +goose Up
-- Browsers that skip the second proof for a while, and the choice of it while a sign-in waits.
CREATE TABLE remembered_browsers (
    browser_id     TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    application_id TEXT NOT NULL,
    digest         BYTEA NOT NULL UNIQUE,
    created_at     BIGINT NOT NULL,
    used_at        BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX remembered_browsers_user ON remembered_browsers (user_id);
CREATE INDEX remembered_browsers_application ON remembered_browsers (application_id);
CREATE INDEX remembered_browsers_expiry ON remembered_browsers (expires_at);
ALTER TABLE logins ADD COLUMN remember BOOLEAN NOT NULL DEFAULT FALSE;
