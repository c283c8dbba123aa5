package command

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"countersign/internal/adapter/bus"
	"countersign/internal/adapter/sqlstore"
	"countersign/internal/base/errs"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/notice"
	"countersign/internal/server"
	"countersign/internal/server/config"
)

// errSchema reports a database whose schema is not the one of this release. Arguments: "name", "version", "wanted".
var errSchema = errs.New(errs.Unavailable, "command.schema")

// instance is the configured instance, opened for the operator: what administrators may do, and a few settings that
// commands print.
type instance struct {
	*directory.Flow
	now        func() time.Time
	apiHost    string
	mailServer string // host name; "": none is set, and mail stays in the outbox
	caFile     string // certificate of the local authority; "": the certificate comes from elsewhere
}

// open opens the configured instance, calls work and closes the instance again. A server may run at the same time.
// Nothing that is missing is created; init and migrate do that. Errors: errConfig, errUnread, errSchema,
// errPermission, those of the master key, and those of work.
func (r *run) open(work func(in *instance) error) (err error) {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	db, err := openDatabase(r.ctx, cfg, true)
	if err != nil {
		return err
	}
	defer func() {
		if closing := db.Close(); err == nil {
			err = closing
		}
	}()
	status, err := db.Status(r.ctx)
	if err != nil {
		return err
	}
	if status.Version != status.Target {
		return errSchema.Arg("name", cfg.DatabaseName()).Arg("version", status.Version).Arg("wanted", status.Target)
	}
	keys, err := server.OpenKeys(r.ctx, db, cfg.MasterKeyFile)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	bell, closeBell, err := openBell(r.ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closeBell()
	notices := notice.New(notice.Needs{DB: flow.PartOf[notice.Store](db), Keys: keys, Rand: r.Rand, Now: r.Now, Log: log, PublicURL: cfg.PublicURL, Zone: cfg.Organization.Zone()})
	return work(&instance{
		now:     r.Now,
		Flow:    directory.New(directory.Needs{DB: flow.PartOf[directory.Store](db), Keys: keys, Now: r.Now, Rand: r.Rand, Bell: bell, PublicURL: cfg.PublicURL, Notices: notices}),
		apiHost: cfg.APIHosts[0], mailServer: cfg.Mail.SMTPHost, caFile: localCA(cfg),
	})
}

// openBell returns a bell that wakes the waiting pages and phones of running nodes through PostgreSQL, and a function
// that closes it. With SQLite there is no such way, and the bell is nil: they see the change at their next poll.
func openBell(ctx context.Context, cfg config.Config, log *slog.Logger) (flow.Bell, func(), error) {
	if cfg.Database.URL.Empty() {
		return nil, func() {}, nil
	}
	bell, err := bus.Open(ctx, cfg.Database.URL.Reveal(), log)
	if err != nil {
		return nil, nil, err
	}
	return bell, func() { _ = bell.Close() }, nil // a ring that is lost does no harm
}

// errPermission reports a file that this user may not change or read. Argument: "name".
var errPermission = errs.New(errs.Forbidden, "command.permission")

// openDatabase opens the database of the configuration. unchecked skips the integrity check, which reads a whole
// SQLite file. With unchecked a missing SQLite file is errSchema, because opening would create one. Other errors:
// errPermission and those of sqlstore.Open.
func openDatabase(ctx context.Context, cfg config.Config, unchecked bool) (*sqlstore.DB, error) {
	if unchecked && cfg.Database.URL.Empty() && !exists(cfg.SQLiteFile()) {
		return nil, errSchema.Arg("name", cfg.DatabaseName()).Arg("version", 0).Arg("wanted", 1)
	}
	if err := mayWrite(cfg); err != nil {
		return nil, err
	}
	db, err := sqlstore.Open(ctx, sqlstore.Options{URL: cfg.Database.URL.Reveal(), Path: cfg.SQLiteFile(), Unchecked: unchecked})
	if at := new(fs.PathError); errors.As(err, &at) && errors.Is(at, fs.ErrPermission) {
		return nil, errPermission.Arg("name", cfg.DatabaseName()).With(at)
	}
	return db, err
}

// mayWrite returns errPermission for a database file that this user may not change, and for a master key that it may
// not read. SQLite's own error would not say what to do.
func mayWrite(cfg config.Config) error {
	for _, f := range []struct {
		name string
		mode int
	}{{cfg.MasterKeyFile, os.O_RDONLY}, {cfg.SQLiteFile(), os.O_RDWR}} {
		if f.name == cfg.SQLiteFile() && !cfg.Database.URL.Empty() {
			continue
		}
		file, err := os.OpenFile(f.name, f.mode, 0)
		if errors.Is(err, fs.ErrPermission) {
			return errPermission.Arg("name", f.name).With(err)
		}
		if err == nil {
			_ = file.Close() // nothing was written
		}
	}
	return nil
}
