package command

import (
	"log/slog"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/server"
	"countersign/internal/server/config"
)

type serveCommand struct{}

// errNoDatabase reports a data folder without a database.
var errNoDatabase = errs.New(errs.NotFound, "command.no_database")

// Run serves until it is told to stop, then lets requests on their way finish. It says what it does in its
// log, on standard error; --json asks for that in JSON.
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
	// Browsers that remember a private authority's server as https only could not be sent elsewhere later.
	lasting := cfg.TLS.Mode != config.TLSLocal && strings.HasPrefix(cfg.PublicURL, "https://")
	return server.Run(r.ctx, cfg, server.Options{Now: r.Now, Rand: r.Rand, Log: r.logger(cfg.Log), HSTS: lasting})
}

// logger writes the server's log to standard error.
func (r *run) logger(l config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // the configuration was checked
	}
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(r.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(r.Stderr, o))
}
