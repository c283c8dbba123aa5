package command

import (
	"log/slog"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/server"
	"countersign/internal/server/config"
)

// serveCommand is `countersign serve`: it runs the server of an instance that init has set up.
type serveCommand struct{}

// errNoDatabase reports a data folder without a database. Argument: "name".
var errNoDatabase = errs.New(errs.NotFound, "command.no_database")

// Run serves until the context ends, and then lets the requests that are under way finish. The log goes to standard
// error, with --json in JSON. A missing database is an error and is never created here.
func (serveCommand) Run(r *run) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	if cfg.Database.URL.Empty() && !exists(cfg.SQLiteFile()) { // a mistyped data_dir never starts empty (AC-082)
		return errNoDatabase.Arg("name", cfg.SQLiteFile())
	}
	if err := mayWrite(cfg); err != nil {
		return err
	}
	if r.json {
		cfg.Log.Format = "json"
	}
	// With a private authority no HSTS header (RFC 6797) is sent: a browser that has learned it could no longer open
	// the address without that authority.
	lasting := cfg.TLS.Mode != config.TLSLocal && strings.HasPrefix(cfg.PublicURL, "https://")
	return server.Run(r.ctx, cfg, server.Options{Now: r.Now, Rand: r.Rand, Log: r.logger(cfg.Log), HSTS: lasting})
}

// logger makes the server's log, which goes to standard error.
func (r *run) logger(l config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // cannot happen: the configuration was validated
	}
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(r.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(r.Stderr, o))
}
