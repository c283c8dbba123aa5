-- +goose Up
-- Secrets in whose place another one was put, as JSON, '' for none: who still signs with one is told apart from a stranger.
ALTER TABLE applications ADD COLUMN retired_secrets TEXT NOT NULL DEFAULT '';
-- How often something happened to somebody lately: the latest times, 16 digits each, the newest first.
CREATE TABLE quotas (
    quota    TEXT NOT NULL,
    holder   TEXT NOT NULL,
    taken    TEXT NOT NULL,
    ends_at  BIGINT NOT NULL,
    PRIMARY KEY (quota, holder)
);
CREATE INDEX quotas_ends ON quotas (ends_at);
