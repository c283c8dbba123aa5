-- +goose Up
-- Wrong codes, by the authenticator they were tried on, the day and the browser sign-in ('' = a door that has none).
CREATE TABLE code_guesses (
    authenticator_id TEXT NOT NULL,
    source           TEXT NOT NULL,
    day              INTEGER NOT NULL,
    login_id         TEXT NOT NULL,
    wrong            INTEGER NOT NULL,
    chance           INTEGER NOT NULL,
    PRIMARY KEY (authenticator_id, day, login_id)
) STRICT;
CREATE INDEX code_guesses_login ON code_guesses (login_id);
CREATE INDEX code_guesses_day ON code_guesses (day);
-- What they amount to.
ALTER TABLE phones ADD COLUMN codes_wrong INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phones ADD COLUMN codes_chance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phones ADD COLUMN codes_warned_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phones ADD COLUMN codes_off_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bypass_codes ADD COLUMN codes_wrong INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bypass_codes ADD COLUMN codes_chance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bypass_codes ADD COLUMN codes_warned_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bypass_codes ADD COLUMN codes_off_at INTEGER NOT NULL DEFAULT 0;
-- How many digits the code has; 0 = of a row from before.
ALTER TABLE bypass_codes ADD COLUMN digits INTEGER NOT NULL DEFAULT 0;
