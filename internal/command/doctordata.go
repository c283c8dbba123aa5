package command

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/base/errs"
	"countersign/internal/server"
	"countersign/internal/server/config"
)

// maxApart is the difference of clocks that is reported: more than a query takes, and less than would make a
// passcode by time (TOTP) fail.
const maxApart = 5 * time.Second

// database checks the database itself, whether the master key opens its data, and the mail that waits in it.
func (d *report) database(r *run, cfg config.Config) {
	name := cfg.DatabaseName()
	db, err := openDatabase(r.ctx, cfg, false)
	switch {
	case errors.Is(err, sqlstore.ErrUnavailable): // its own sentence says to run the doctor
		d.add("database", fail, "unreached", "name", name, "error", cmp.Or(errs.Of(err).Cause, err))
		return
	case err != nil:
		_, text := sentence(err)
		d.add("database", fail, "refused", "error", text)
		return
	}
	defer db.Close() // nothing was written
	s, err := db.Status(r.ctx)
	if err != nil {
		d.add("database", fail, "unreached", "name", name, "error", err)
		return
	}
	detail := "PostgreSQL " + s.Server + ", synchronous_commit " + s.Synchronous
	if s.Dialect == sqlstore.SQLite {
		detail = "SQLite " + s.Server + ", journal " + s.Journal + ", synchronous " + s.Synchronous
	}
	switch {
	case s.Version != s.Target:
		d.add("database", fail, "old", "name", name, "version", s.Version, "wanted", s.Target)
		return // the rest cannot be read
	case s.Integrity != "" && s.Integrity != "ok":
		d.add("database", fail, "damaged", "name", name, "detail", s.Integrity)
		return
	case !durable(s):
		d.add("database", fail, "unsafe", "name", name, "detail", detail)
	default:
		d.add("database", fine, "good", "name", name, "detail", detail)
	}
	d.clock(r, s)
	d.masterKey(r, cfg, db)
	d.outbox(r, db)
}

// durable reports whether the settings of the database keep a confirmed change through a power cut.
func durable(s sqlstore.Status) bool {
	if s.Dialect == sqlstore.SQLite {
		return strings.EqualFold(s.Journal, "wal") && strings.EqualFold(s.Synchronous, "full")
	}
	return s.Synchronous != "off" && s.Synchronous != "local"
}

// clock compares the clocks of this machine and of the database's. Codes and links expire by the server's clock.
func (d *report) clock(r *run, s sqlstore.Status) {
	if s.Clock.IsZero() {
		return // SQLite: the same machine
	}
	if apart := r.Now().Sub(s.Clock).Abs(); apart > maxApart {
		d.add("clock", warn, "off", "seconds", int(apart.Seconds()))
		return
	}
	d.add("clock", fine, "good")
}

// masterKey checks that the master key file exists and opens the data of this database.
func (d *report) masterKey(r *run, cfg config.Config, db *sqlstore.DB) {
	if !exists(cfg.MasterKeyFile) {
		d.add("master_key", fail, "missing", "file", cfg.MasterKeyFile)
		return
	}
	if _, err := server.OpenKeys(r.ctx, db, cfg.MasterKeyFile); err != nil {
		d.add("master_key", fail, "bad", "error", err)
		return
	}
	d.add("master_key", fine, "good")
}

// outbox reports how many mails wait to be sent, and the last error.
func (d *report) outbox(r *run, db *sqlstore.DB) {
	n, last, err := db.Read().MailWaiting(r.ctx)
	switch {
	case err != nil:
		_, text := sentence(err)
		d.add("outbox", fail, "unread", "error", text)
	case n == 0:
		d.add("outbox", fine, "good")
	case last == "":
		d.add("outbox", warn, "waiting", "count", n)
	default:
		d.add("outbox", warn, "error", "count", n, "error", last)
	}
}
