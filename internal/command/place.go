package command

import (
	"errors"
	"io/fs"
	"os"

	"countersign/internal/base/errs"
	"countersign/internal/server/config"
)

// The configuration file in the current folder, and the one that is used when no other is found.
const (
	localConfig  = "countersign.toml"
	systemConfig = "/etc/countersign/countersign.toml"
)

// configPath returns the configuration file to use: --config, the one in the current folder if it exists, the one
// that the environment names, or the system's.
func (r *run) configPath() string {
	if r.config != "" {
		return r.config
	}
	if exists(localConfig) {
		return localConfig
	}
	if path := r.Getenv(config.PathVariable); path != "" {
		return path
	}
	if r.SystemConfig != "" {
		return r.SystemConfig
	}
	return systemConfig
}

var (
	// errConfig reports a configuration that is missing or has mistakes. Its cause lists them.
	errConfig = errs.New(errs.Invalid, "command.config")
	// errUnread reports a configuration file that this user may not read. Argument: "config".
	errUnread = errs.New(errs.Forbidden, "command.unread")
)

// load reads and validates the configuration as the server does. The error is errConfig or errUnread.
func (r *run) load() (config.Config, error) { return r.loadFrom(r.configPath()) }

// loadFrom is load for the file at path.
func (r *run) loadFrom(path string) (config.Config, error) {
	c, err := config.Load(path, r.Environ)
	if at := new(fs.PathError); errors.As(err, &at) && !errors.Is(err, fs.ErrNotExist) {
		return c, errUnread.Arg("config", path).With(at.Err)
	}
	if err != nil {
		return c, errConfig.With(err)
	}
	return c, nil
}

// exists reports whether there is something at path, even if this user may not read it.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
