-- +goose Up
-- What hosts told of their fail mode, the last time it was noted.
CREATE TABLE application_hosts (
    application_id TEXT NOT NULL,
    host           TEXT NOT NULL,
    fail_mode      TEXT NOT NULL,
    seen_at        BIGINT NOT NULL,
    PRIMARY KEY (application_id, host)
);
CREATE INDEX application_hosts_seen ON application_hosts (application_id, seen_at, host);
