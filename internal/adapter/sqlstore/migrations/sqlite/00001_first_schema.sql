-- +goose Up
-- Times are microseconds since 1970 in UTC, 0 = never. "" = no such thing. Booleans are 0 and 1.
-- Tables of short-lived rows (logins, transactions, activations) and the record have no foreign keys:
-- they name things that may be gone, and are swept by age.

CREATE TABLE users (
    user_id           TEXT PRIMARY KEY,
    username          TEXT NOT NULL UNIQUE,
    real_name         TEXT NOT NULL,
    email             TEXT NOT NULL,
    search            TEXT NOT NULL, -- real name and mail address in lower case
    status            TEXT NOT NULL,
    notes             TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    last_login_at     INTEGER NOT NULL,
    first_enrolled_at INTEGER NOT NULL,
    failures          INTEGER NOT NULL,
    locked_at         INTEGER NOT NULL,
    last_method       TEXT NOT NULL,
    push_misses       INTEGER NOT NULL,
    push_stopped_at   INTEGER NOT NULL,
    spare_reminders   INTEGER NOT NULL,
    salt              BLOB
) STRICT;

-- One name space for names and aliases.
CREATE TABLE user_names (
    name    TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    alias   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX user_names_user ON user_names (user_id);

CREATE TABLE phones (
    phone_id     TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    number       TEXT NOT NULL,
    platform     TEXT NOT NULL,
    model        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    key_id       TEXT NOT NULL,
    key_spki     BLOB,
    activated_at INTEGER NOT NULL,
    otp_type     TEXT NOT NULL,
    otp_seed     BLOB,
    otp_counter  INTEGER NOT NULL,
    resync_next  INTEGER NOT NULL,
    resync_count INTEGER NOT NULL,
    resync_since INTEGER NOT NULL,
    subscription BLOB,
    alerts       TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX phones_user ON phones (user_id, created_at);

-- Keys outlive their phone: an app learns that its key was replaced or removed.
CREATE TABLE phone_keys (
    key_id         TEXT PRIMARY KEY,
    phone_id       TEXT NOT NULL,
    user_id        TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    spki           BLOB,
    state          TEXT NOT NULL,
    answer_counter INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX phone_keys_phone ON phone_keys (phone_id);
CREATE INDEX phone_keys_user ON phone_keys (user_id);

CREATE TABLE applications (
    application_id TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    type           TEXT NOT NULL,
    secret         BLOB,
    self_service   INTEGER NOT NULL,
    normalization  TEXT NOT NULL,
    redirect_uris  TEXT NOT NULL, -- JSON
    policy         TEXT NOT NULL, -- JSON
    disabled       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    deleted_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE spent_assertions (
    application_id TEXT NOT NULL,
    digest         BLOB NOT NULL,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (application_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_assertions_expiry ON spent_assertions (expires_at);

CREATE TABLE logins (
    login_id          TEXT PRIMARY KEY,
    cookie_digest     BLOB,
    door              TEXT NOT NULL,
    door_state        BLOB,
    application_id    TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    username          TEXT NOT NULL,
    stage             TEXT NOT NULL,
    enrolling         INTEGER NOT NULL,
    transaction_id    TEXT NOT NULL,
    version           INTEGER NOT NULL,
    factor            TEXT NOT NULL,
    reason            TEXT NOT NULL,
    phone_id          TEXT NOT NULL,
    manage_proof_at   INTEGER NOT NULL,
    manage_factor     TEXT NOT NULL,
    spare_asked       INTEGER NOT NULL,
    recovery_asked    INTEGER NOT NULL,
    ip                TEXT NOT NULL,
    user_agent        TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    tx_id             TEXT NOT NULL,
    decided_at        INTEGER NOT NULL,
    ticket_digest     BLOB,
    ticket_expires_at INTEGER NOT NULL,
    ticket_used_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX logins_ticket ON logins (ticket_digest) WHERE ticket_digest IS NOT NULL;
CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE transactions (
    transaction_id TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL,
    username       TEXT NOT NULL,
    application_id TEXT NOT NULL,
    application    TEXT NOT NULL,
    phone_id       TEXT NOT NULL,
    login_id       TEXT NOT NULL,
    purpose        TEXT NOT NULL,
    state          TEXT NOT NULL,
    number         TEXT NOT NULL,
    ip             TEXT NOT NULL,
    client         TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    decided_at     INTEGER NOT NULL,
    delivered_at   INTEGER NOT NULL,
    fetched_at     INTEGER NOT NULL,
    unreachable    INTEGER NOT NULL
) STRICT;
-- Few are pending at a time, so these four stay small; the fifth leaves out the many that were approved.
CREATE INDEX transactions_pending_user ON transactions (user_id) WHERE state = 'pending';
CREATE INDEX transactions_pending_phone ON transactions (phone_id) WHERE state = 'pending';
CREATE INDEX transactions_pending_login ON transactions (login_id) WHERE state = 'pending';
CREATE INDEX transactions_pending_expiry ON transactions (expires_at) WHERE state = 'pending';
CREATE INDEX transactions_missed ON transactions (user_id, created_at) WHERE state NOT IN ('pending', 'approved');
CREATE INDEX transactions_age ON transactions (created_at);

CREATE TABLE activations (
    activation_id TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL,
    phone_id      TEXT NOT NULL,
    login_id      TEXT NOT NULL,
    session_id    TEXT NOT NULL,
    purpose       TEXT NOT NULL,
    mailed        INTEGER NOT NULL,
    link_digest   BLOB UNIQUE,
    typed_digest  BLOB UNIQUE,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    claimed_at    INTEGER NOT NULL,
    superseded_at INTEGER NOT NULL
) STRICT;
CREATE INDEX activations_login ON activations (login_id, created_at) WHERE login_id <> '';
CREATE INDEX activations_session ON activations (session_id, created_at) WHERE session_id <> '';
CREATE INDEX activations_phone ON activations (phone_id) WHERE phone_id <> '';
CREATE INDEX activations_user ON activations (user_id) WHERE user_id <> '';

CREATE TABLE bypass_codes (
    bypass_id  TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    digest     BLOB NOT NULL,
    uses_left  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    creator    TEXT NOT NULL
) STRICT;
CREATE INDEX bypass_codes_digest ON bypass_codes (user_id, digest);

CREATE TABLE enrollment_links (
    enrollment_id TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    digest        BLOB NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    used_at       INTEGER NOT NULL,
    revoked_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX enrollment_links_user ON enrollment_links (user_id);

CREATE TABLE sessions (
    session_id     TEXT PRIMARY KEY,
    digest         BLOB NOT NULL UNIQUE,
    user_id        TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    application_id TEXT NOT NULL,
    login_id       TEXT NOT NULL,
    proved_at      INTEGER NOT NULL,
    factor         TEXT NOT NULL,
    changes_left   INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE mails (
    mail_id    TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    body       BLOB,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    failed_at  INTEGER NOT NULL,
    error      TEXT NOT NULL
) STRICT;
CREATE INDEX mails_due ON mails (due_at) WHERE sent_at = 0 AND failed_at = 0;
CREATE INDEX mails_error ON mails (created_at) WHERE error <> '';

-- The record is kept in the order of time: it only grows at its end.
CREATE TABLE authentication_log (
    logged_at        INTEGER NOT NULL,
    position         INTEGER NOT NULL, -- order of rows of one moment, counted by the node
    log_id           TEXT NOT NULL,
    tx_id            TEXT NOT NULL,
    event_type       TEXT NOT NULL,
    result           TEXT NOT NULL,
    reason           TEXT NOT NULL,
    factor           TEXT NOT NULL,
    user_id          TEXT NOT NULL,
    username         TEXT NOT NULL,
    email            TEXT NOT NULL,
    application_id   TEXT NOT NULL,
    application_name TEXT NOT NULL,
    ip               TEXT NOT NULL,
    user_agent       TEXT NOT NULL,
    device_id        TEXT NOT NULL,
    device_name      TEXT NOT NULL,
    PRIMARY KEY (logged_at, position, log_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX authentication_log_user ON authentication_log (username, logged_at, position, log_id);
CREATE INDEX authentication_log_application ON authentication_log (application_id, logged_at, position, log_id);

CREATE TABLE action_log (
    logged_at   INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    log_id      TEXT NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    object      TEXT NOT NULL,
    description TEXT NOT NULL, -- JSON
    PRIMARY KEY (logged_at, position, log_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE organization_settings (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    body TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE instance_secrets (
    name   TEXT PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
