package command

import (
	"errors"
	"io/fs"
	"os"

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

// load reads the configuration as the server does.
func (r *run) load() (config.Config, error) {
	return config.Load(r.configPath(), r.Environ)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
