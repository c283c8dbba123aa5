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

// maxApart is more than asking takes, and less than harms a code made by time.
const maxApart = 5 * time.Second

// database checks what holds the data, whether the master key opens it, and the mail that waits in it.
func (d *report) database(r *run, cfg config.Config) {
	name := cfg.DatabaseName()
	db, err := openDatabase(r.ctx, cfg, false)
	switch {
	case errors.Is(err, sqlstore.ErrUnavailable): // whose sentence sends people here
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

// durable reports whether what was confirmed outlives a power cut.
func durable(s sqlstore.Status) bool {
	if s.Dialect == sqlstore.SQLite {
		return strings.EqualFold(s.Journal, "wal") && strings.EqualFold(s.Synchronous, "full")
	}
	return s.Synchronous != "off" && s.Synchronous != "local"
}

// clock compares the clocks of server and database: codes and links live by the server's.
func (d *report) clock(r *run, s sqlstore.Status) {
	if s.Clock.IsZero() {
		return // one machine, one clock
	}
	if apart := r.Now().Sub(s.Clock).Abs(); apart > maxApart {
		d.add("clock", warn, "off", "seconds", int(apart.Seconds()))
		return
	}
	d.add("clock", fine, "good")
}

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
