package command

import (
	"errors"
	"io/fs"
	"os"

	"countersign/internal/base/errs"
	"countersign/internal/server/config"
)

// The configuration file in the current folder, and the one of last resort.
const (
	localConfig  = "countersign.toml"
	systemConfig = "/etc/countersign/countersign.toml"
)

// configPath is the configuration file to use: --config, else the first that there is.
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
	// errConfig reports a configuration that is missing or has mistakes; its cause says which.
	errConfig = errs.New(errs.Invalid, "command.config")
	// errUnread reports a configuration file that cannot be read; argument "config".
	errUnread = errs.New(errs.Forbidden, "command.unread")
)

// load reads the configuration as the server does. errConfig.
func (r *run) load() (config.Config, error) { return r.loadFrom(r.configPath()) }

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

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
