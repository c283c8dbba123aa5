package command

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"

	"countersign/internal/adapter/bus"
	"countersign/internal/adapter/sqlstore"
	"countersign/internal/base/errs"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/notice"
	"countersign/internal/server"
	"countersign/internal/server/config"
)

// errSchema reports a database this release has not prepared yet; arguments "name", "version", "wanted".
var errSchema = errs.New(errs.Unavailable, "command.schema")

// office is the administration of the configured instance.
type office struct {
	*directory.Flow
	apiHost    string
	mailServer string // host name; "" = none is set, and mail waits
	caFile     string // certificate of the local authority; "" = the certificate comes from elsewhere
}

// office opens the configured instance, does work and closes it again. A server may be running. Nothing is
// made that is missing: that is what init and migrate are for.
func (r *run) office(work func(o *office) error) (err error) {
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
	bell, hangUp, err := openBell(r.ctx, cfg, log)
	if err != nil {
		return err
	}
	defer hangUp()
	desk := notice.New(notice.Needs{DB: flow.PartOf[notice.Store](db), Keys: keys, Rand: r.Rand, Now: r.Now, Log: log, PublicURL: cfg.PublicURL, Zone: cfg.Organization.Zone()})
	return work(&office{
		Flow:    directory.New(directory.Needs{DB: flow.PartOf[directory.Store](db), Keys: keys, Now: r.Now, Rand: r.Rand, Bell: bell, PublicURL: cfg.PublicURL, Notices: desk}),
		apiHost: cfg.APIHosts[0], mailServer: cfg.Mail.SMTPHost, caFile: localCA(cfg),
	})
}

// openBell reaches waiting pages and phones of running nodes through PostgreSQL. Beside an embedded database
// there is no such way; they find out at their next poll.
func openBell(ctx context.Context, cfg config.Config, log *slog.Logger) (flow.Bell, func(), error) {
	if cfg.Database.URL.Empty() {
		return nil, func() {}, nil
	}
	bell, err := bus.Open(ctx, cfg.Database.URL.Reveal(), log)
	if err != nil {
		return nil, nil, err
	}
	return bell, func() { _ = bell.Close() }, nil // what was rung is only a hint
}

// errPermission reports a database that this user may not change; argument "name".
var errPermission = errs.New(errs.Forbidden, "command.permission")

// openDatabase opens what the configuration names. unchecked leaves out reading a whole SQLite file, and is
// refused when there is no file: opening would make one. errPermission.
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

// mayWrite reports, before SQLite says it in its own way, a database file that this user may not change, and a key it may not read. errPermission.
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
